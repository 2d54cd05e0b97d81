import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, vi } from "vitest";
import { mirrorRepository } from "../../src/demo/mirror.js";
import { toTelemetryWorkflowId } from "../../src/domain/act/workflow-id.js";
import { type EventPayloads, toRegistryContainer } from "../../src/domain/ledger/event.js";
import type { TelemetryLine } from "../../src/domain/telemetry/line.js";
import { openDatabase } from "../../src/lab256/database/database.js";
import { readStoredEntries, toLedgerEntry } from "../../src/lab256/ledger/read-entries.js";
import { buildDashboardText, buildMonthSummary } from "../../src/planning/telemetry/dashboard.js";
import { addLine, buildEmptySummary } from "../../src/planning/telemetry/summary.js";
import { readRefs } from "../../src/repository/refs/refs-state.js";
import type { TestRegistry } from "../harness/registry.js";
import type { TemporalTestClient } from "../harness/temporal-client.js";
import { createTemporaryFolder } from "../repository/real-git.js";
import { TELEMETRY } from "./lines.js";

export const TENANT = "T.UBL";

/** Short intervals, so that no test waits for a minute. */
export const QUICK = { OGR_TELEMETRY_EVERY_S: "1", OGR_HOUSEKEEPING_EVERY_S: "2" };

const APPEND = "git.registry.telemetry_append";

/** Long enough for a flow with backoff. */
export const PATIENCE_MS = 90_000;

export const waitUntilPasses = (check: () => Promise<void>) => vi.waitFor(check, { timeout: PATIENCE_MS, interval: 250 });

/** A copy of the telemetry repository with stock git. */
export interface TelemetryMirror {
  git(...args: string[]): string;
  /** The text of every file on main by path. */
  readonly files: ReadonlyMap<string, string>;
}

export async function openTelemetryMirror(registry: TestRegistry, tenant = TENANT): Promise<TelemetryMirror | undefined> {
  const folder = createTemporaryFolder("ogr-telemetry-");
  const mirror = join(folder, "mirror.git");
  if ((await mirrorRepository(registry.store, tenant, TELEMETRY, mirror)) === 0) return undefined;
  const git = (...args: string[]) => execFileSync("git", ["--git-dir", mirror, ...args], { stdio: "pipe" }).toString("utf8");
  if (!git("for-each-ref").includes("refs/heads/main")) return undefined;
  const tree = join(folder, "tree");
  mkdirSync(tree);
  git("--work-tree", tree, "checkout", "-q", "main", "--", ".");
  const paths = git("ls-tree", "-r", "--name-only", "main").trim().split("\n");
  return { git, files: new Map(paths.map((path) => [path, readFileSync(join(tree, path), "utf8")])) };
}

/** Lists all lines of all projects with their files. */
export function listLines({ files }: Pick<TelemetryMirror, "files">): readonly (TelemetryLine & { readonly path: string })[] {
  const found = [...files].flatMap(([path, text]) =>
    path.endsWith(".jsonl")
      ? text
          .trim()
          .split("\n")
          .map((line) => ({ ...(JSON.parse(line) as TelemetryLine), path }))
      : [],
  );
  return found.sort((a, b) => a.seq - b.seq);
}

/** Lists every finished act in the ledger except appends. */
export async function listFinishedLedgerActs(registry: TestRegistry, tenant = TENANT): Promise<{ seq: number; jti: string }[]> {
  const db = openDatabase(registry.databaseUrl, { maxConnections: 1 });
  const jobs = new Map<string, string>();
  const finished: { seq: number; jti: string }[] = [];
  try {
    for await (const row of readStoredEntries(db, toRegistryContainer(tenant))) {
      const { type, payload } = toLedgerEntry(row);
      if (type === "permit.issued") {
        const { permit } = payload as EventPayloads["permit.issued"];
        jobs.set(permit.jti, permit.scopes.jobType);
      }
      const jti =
        type === "receipt.recorded"
          ? (payload as EventPayloads["receipt.recorded"]).receipt.jti
          : type === "command.closed"
            ? (payload as EventPayloads["command.closed"]).jti
            : undefined;
      if (jti !== undefined && jobs.get(jti) !== APPEND) finished.push({ seq: row.seq, jti });
    }
  } finally {
    await db.destroy();
  }
  return finished;
}

/** Waits until every finished act has a line. Expects each exactly once, in order, in its file and in the dashboards. */
export async function expectExactlyOnce(registry: TestRegistry): Promise<TelemetryMirror> {
  let seen: TelemetryMirror | undefined;
  let version: string | undefined;
  await waitUntilPasses(async () => {
    const expected = await listFinishedLedgerActs(registry);
    const refs = await readRefs(registry.store, { tenant_id: TENANT, project_id: TELEMETRY });
    // A copy is made only of what is new.
    if (refs?.version !== version || seen === undefined) seen = await openTelemetryMirror(registry);
    version = refs?.version;
    const lines = seen === undefined ? [] : listLines(seen);
    expect(lines.map(({ seq, jti }) => ({ seq, jti }))).toEqual(expected);
  });
  if (seen === undefined) throw new Error("the telemetry repository has no main");
  seen.git("fsck", "--strict");
  const changes = seen.git("log", "--numstat", "--format=", "main", "--", "telemetry/v1/repos").trim().split("\n");
  // The files are append-only: no commit removed a line.
  for (const change of changes) expect(change).toMatch(/^\d+\t0\ttelemetry\//);
  for (const { path, tenant_id, project_id, telemetry_repo, at } of listLines(seen)) {
    expect(path).toBe(`telemetry/v1/repos/${tenant_id}_${project_id}/${at.slice(0, 7)}.jsonl`);
    expect({ tenant_id, telemetry_repo }).toEqual({ tenant_id: TENANT, telemetry_repo: `${TENANT}/${TELEMETRY}` });
  }
  for (const [path, text] of seen.files) if (path.endsWith("dashboard.json")) expect(text).toBe(buildDashboardFromLines(seen, path));
  return seen;
}

/** Builds the expected dashboard from the lines. */
function buildDashboardFromLines({ git, files }: TelemetryMirror, path: string): string {
  const project_id = /dashboards\/T\.UBL_(.+)\/dashboard\.json$/.exec(path)?.[1] ?? "";
  const of = { tenant_id: TENANT, project_id, telemetry_project_id: TELEMETRY };
  const folder = `telemetry/v1/repos/${TENANT}_${project_id}/`;
  const months = [...files].flatMap(([file, text]) => {
    if (!file.startsWith(folder)) return [];
    const summary = buildEmptySummary();
    for (const line of text.trim().split("\n")) addLine(summary, JSON.parse(line));
    return [buildMonthSummary(of, file.slice(folder.length, -".jsonl".length), git("rev-parse", `main:${file}`).trim(), summary)];
  });
  return buildDashboardText(of, months);
}

export function getTelemetryFlow({ client }: TemporalTestClient, tenant = TENANT) {
  return client.workflow.getHandle(toTelemetryWorkflowId(tenant));
}

/** Reads the flow's current details in Temporal's UI. */
export async function readCurrentDetails(temporal: TemporalTestClient): Promise<string> {
  const metadata = await getTelemetryFlow(temporal).query<{ currentDetails?: string }>("__temporal_workflow_metadata");
  return metadata.currentDetails ?? "";
}

/** Terminates the flow and pauses housekeeping until `resume`, so that it starts no other. */
export async function loseFlow(temporal: TemporalTestClient): Promise<{ resume(): Promise<void> }> {
  const schedule = temporal.client.schedule.getHandle("housekeeping");
  await schedule.pause();
  // A running housekeeping would restart the flow after its end.
  await waitUntilPasses(async () => {
    const { state, info } = await schedule.describe();
    expect([state.paused, info.runningActions]).toEqual([true, []]);
  });
  await getTelemetryFlow(temporal).terminate("lost");
  return { resume: () => schedule.unpause() };
}
