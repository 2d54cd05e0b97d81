import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { type MayBreakGlass, pickBreakGlass } from "../../src/domain/act/break-glass.js";
import type { JobType } from "../../src/domain/act/job.js";
import type { NewEvent } from "../../src/domain/ledger/event.js";
import type { Permit } from "../../src/domain/permit/permit.js";
import type { TelemetryLine } from "../../src/domain/telemetry/line.js";
import { openInfraSource } from "../../src/infra/source/open.js";
import { findLastTelemetryAppend } from "../../src/lab256/ledger/queries/telemetry-appends.js";
import { advanceTelemetryCursor, readTelemetryCursor } from "../../src/lab256/ledger/telemetry-cursor.js";
import { composeBatch } from "../../src/lab256/telemetry/telemetry-batch.js";
import { type Entry, formatRegistryJson } from "../infra-engine/registries.js";
import {
  buildCommandClosed,
  buildCommandIssued,
  buildPermit,
  buildPermitIssued,
  buildReceipt,
  buildReceiptRecorded,
  buildRegistered,
  TENANT,
  toJti,
} from "../lab256/ledger/events.js";
import { useLedgerDatabase } from "../lab256/ledger/ledger-database.js";
import { createTemporaryFolder } from "../repository/real-git.js";

const ledger = useLedgerDatabase("telemetry-compose");
const append = (events: readonly NewEvent[]) => ledger.appendOrThrow(events);
const path = join(createTemporaryFolder("ogr-infra-"), "registry.json");
const infra = openInfraSource({ kind: "file", path }, undefined as never);

const writeRegistry = (entries: Readonly<Record<string, Entry>>, telemetry?: string) =>
  writeFileSync(path, formatRegistryJson(entries, telemetry));
let acts = 0;

/** Builds the events of a finished act with its permit. With `before`, its permit has no infra context. */
function act(
  how: MayBreakGlass & { project?: string; job?: JobType; before?: boolean; closed?: boolean; artifact?: object } = {},
): NewEvent[] {
  acts += 1;
  const n = acts;
  const { project = "P.demo", job = "git.registry.push", before = false, closed = false, artifact } = how;
  const plain = buildPermit(n);
  const scopes: Permit["scopes"] = { ...plain.scopes, jobType: job, ...(before ? {} : { infra_hash: "e".repeat(64) }) };
  const issued = buildPermitIssued(n);
  if (issued.type !== "permit.issued") throw new TypeError("no permit");
  const permitted: NewEvent = { ...issued, payload: { ...issued.payload, permit: { ...plain, scopes } } };
  if (closed) return [permitted, buildCommandIssued(n, { project }), buildCommandClosed(n)];
  const recorded = buildReceiptRecorded(n, [], { project });
  if (recorded.type !== "receipt.recorded") throw new TypeError("no receipt");
  const artifacts = artifact === undefined ? [] : [JSON.stringify(artifact)];
  const receipt = { ...buildReceipt(n, "success", [], project), jobType: job, artifacts, ...pickBreakGlass(how) };
  const payload = { ...recorded.payload, receipt };
  return [permitted, { ...recorded, payload }];
}

let from = 0;
const compose = (more: { afterSeq?: number; lastProjectId?: string; batchMaxLines?: number } = {}) =>
  composeBatch({ db: ledger.db, infra }, { tenant_id: TENANT, afterSeq: from, lastProjectId: undefined, batchMaxLines: 100, ...more });
const parseLines = (batch: Awaited<ReturnType<typeof compose>>): TelemetryLine[] =>
  batch.state === "batch"
    ? Buffer.from(batch.bytes)
        .toString("utf8")
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line))
    : [];
const readLastSeq = async () => {
  const found = await ledger.db.selectFrom("ledger_heads").select("seq").where("tenant_id", "=", TENANT).executeTakeFirst();
  return found?.seq ?? 0;
};

beforeEach(async () => {
  writeRegistry({ [`${TENANT}/P.demo`]: "enabled production", [`${TENANT}/P.telemetry`]: "enabled production" });
  from = await readLastSeq();
});

describe("the next batch of a tenant's telemetry", () => {
  it("has a line for each receipt and each command closed without one, in the ledger's order", async () => {
    const first = acts + 1;
    await append([...act(), ...act({ closed: true }), buildRegistered("P.noise"), ...act()]);
    const batch = await compose();
    const lines = parseLines(batch);
    expect(lines.map((line) => line.jti)).toEqual([toJti(first), toJti(first + 1), toJti(first + 2)]);
    expect(lines[1]).toMatchObject({ status: "expired", code: "permit_expired", level: "L1", project_id: "P.demo", refs: 0 });
    expect(lines[1]).not.toHaveProperty("wall_ms");
    expect(batch).toMatchObject({ project_id: "P.telemetry", lines: 3, to_seq: lines[2]?.seq });
  });

  it("marks an emergency, without its reason", async () => {
    await append([...act({ break_glass: { reason: "Payments are down." } }), ...act()]);
    const [emergency, ordinary] = parseLines(await compose());
    expect(emergency).toMatchObject({ break_glass: true });
    expect(ordinary).not.toHaveProperty("break_glass");
  });

  it("skips appends and acts without an infra context", async () => {
    await append([...act({ before: true }), ...act({ before: true, closed: true }), ...act({ job: "git.registry.telemetry_append" })]);
    expect(await compose()).toEqual({ state: "none", passed_seq: await readLastSeq(), more: false });
    await append(act());
    expect(parseLines(await compose({ batchMaxLines: 1 }))).toHaveLength(1);
  });

  it("has one line for an act whose permit another command used", async () => {
    const n = acts + 1;
    const [permitted, issued, closed] = act({ closed: true });
    if (permitted === undefined || issued === undefined || closed?.type !== "command.closed") throw new TypeError("no command");
    const denial = { code: "permit_used", message: "The permit was used by another command." } as const;
    await append([permitted, issued, { ...closed, payload: { ...closed.payload, status: "denied", denial } }]);
    expect(await compose()).toEqual({ state: "none", passed_seq: await readLastSeq(), more: false });
    await append([buildReceiptRecorded(n, [], { project: "P.demo" })]);
    expect(parseLines(await compose()).map((line) => [line.jti, line.status])).toEqual([[toJti(n), "success"]]);
  });

  it("ends when it is full, and the next one continues after it", async () => {
    await append([...act(), ...act(), ...act()]);
    const one = await compose({ batchMaxLines: 2 });
    if (one.state !== "batch") throw new Error(one.state);
    const two = await compose({ afterSeq: one.to_seq, batchMaxLines: 2 });
    expect([parseLines(one).length, parseLines(two).length]).toEqual([2, 1]);
  });

  it("is deterministic", async () => {
    await append([...act(), ...act({ closed: true })]);
    expect(await compose()).toEqual(await compose());
  });

  it("includes acts of a disabled project, and of an unregistered one in the org's last telemetry repository", async () => {
    await append([...act(), ...act({ project: "P.gone" })]);
    writeRegistry({ [`${TENANT}/P.demo`]: "disabled production", [`${TENANT}/P.telemetry`]: "enabled production" });
    expect(parseLines(await compose()).map(({ project_id }) => project_id)).toEqual(["P.demo"]);
    expect(parseLines(await compose({ lastProjectId: "P.telemetry" })).map(({ project_id }) => project_id)).toEqual(["P.demo", "P.gone"]);
  });

  it("is blocked with the act's name if the infra registry names no destination or is invalid", async () => {
    await append(act({ project: "P.gone" }));
    const blocked = await compose({ lastProjectId: "P.former" });
    expect(blocked).toMatchObject({ state: "blocked", problem: expect.stringContaining(`${TENANT}/P.gone`) });
    writeFileSync(path, "{");
    expect(await compose()).toMatchObject({ state: "blocked", problem: expect.stringContaining("cannot be used") });
  });

  it("goes only to the org's current telemetry repository", async () => {
    await append(act());
    writeRegistry({ [`${TENANT}/P.demo`]: "enabled production" }, "P.moved");
    const batch = await compose({ lastProjectId: "P.telemetry" });
    expect(batch).toMatchObject({ state: "batch", project_id: "P.moved" });
    expect(parseLines(batch).map(({ telemetry_repo }) => telemetry_repo)).toEqual([`${TENANT}/P.moved`]);
  });

  it("never goes to another org's repository", async () => {
    await append(act());
    const text = formatRegistryJson({ [`${TENANT}/P.demo`]: "enabled production" });
    writeFileSync(path, text.replace(`${TENANT}/P.telemetry`, "T.OTHER/P.telemetry"));
    expect(await compose()).toMatchObject({ state: "blocked" });
  });
});

describe("the position of a tenant's telemetry", () => {
  it("is the maximum of its receipts for each repository in any order", async () => {
    const job = "git.registry.telemetry_append" as const;
    for (const [project, to_seq] of [
      ["P.old", 5],
      ["P.telemetry", 41],
      ["P.telemetry", 30],
    ] as const)
      await append(act({ job, project, artifact: { to_seq, file_bytes: to_seq } }));
    expect(await findLastTelemetryAppend(ledger.db, { tenant_id: TENANT })).toEqual({
      project_id: "P.telemetry",
      to_seq: 41,
      file_bytes: 41,
    });
    expect(await findLastTelemetryAppend(ledger.db, { tenant_id: TENANT, project_id: "P.old" })).toMatchObject({ to_seq: 5 });
    expect(await findLastTelemetryAppend(ledger.db, { tenant_id: TENANT, project_id: "P.never" })).toBeUndefined();
  });

  it("never decreases", async () => {
    await ledger.db.insertInto("tenants").values({ tenant_id: TENANT, transport: "temporal" }).execute();
    expect(await readTelemetryCursor(ledger.db, TENANT)).toBe(0);
    await advanceTelemetryCursor(ledger.db, TENANT, 9);
    await advanceTelemetryCursor(ledger.db, TENANT, 7);
    expect(await readTelemetryCursor(ledger.db, TENANT)).toBe(9);
  });
});
