import { createHash } from "node:crypto";
import { setImmediate as otherWork } from "node:timers/promises";
import { type BatchLine, parseTelemetryLine } from "../../domain/telemetry/batch.js";
import { parseFileMonth, toDashboardPath, toLinesFolder, toLinesPath, toMonth } from "../../domain/telemetry/paths.js";
import type { CommittedFile } from "../../repository/objects/commit-files.js";
import { listTreeFiles, readTreeFile, type TreeFile } from "../../repository/objects/tree-files.js";
import type { OpenRepository } from "../../repository/open-repository.js";
import { buildDashboardText, buildMonthSummary, type MonthSummary, parseKnownMonths } from "./dashboard.js";
import { addLine, buildEmptySummary, type Summary } from "./summary.js";

/** The number of lines parsed before other work of this process can run, most importantly heartbeats. */
const LINES_AT_ONCE = 2_000;

/** A file of the telemetry repository has content that no append wrote. */
export class ForeignLines extends Error {
  override readonly name = "ForeignLines";
}

/**
 * Builds the files that appending `lines` changes: for each project its months with the new lines at the end, and its new dashboard.
 * Takes a month's summary from the old dashboard if that has the same git id, and reads the file otherwise.
 *
 * @throws ForeignLines
 */
export async function* buildAppendedFiles(
  repository: OpenRepository,
  parent: string | undefined,
  lines: readonly BatchLine[],
): AsyncGenerator<CommittedFile> {
  const { tenant_id, project_id: telemetry_project_id } = repository.name;
  for (const [project_id, ofProject] of groupItems(lines, ({ line }) => line.project_id)) {
    const folder = `${toLinesFolder(tenant_id, project_id)}/`;
    const dashboard = toDashboardPath(tenant_id, project_id);
    const present = parent === undefined ? [] : await listTreeFiles(repository, parent, [folder, dashboard]);
    const kept = present.find(({ path }) => path === dashboard);
    const known = parseKnownMonths(kept === undefined ? "" : (await readTreeFile(repository, kept)).toString("utf8"));
    const files = new Map(present.flatMap((file) => (file.path.startsWith(folder) ? [[file.path, file] as const] : [])));
    const project = { tenant_id, project_id, telemetry_project_id };
    const months: MonthSummary[] = [];
    for (const [month, ofMonth] of groupItems(ofProject, ({ line }) => toMonth(line))) {
      const path = toLinesPath(tenant_id, project_id, month);
      const before = files.get(path);
      files.delete(path);
      const old = before === undefined ? Buffer.alloc(0) : await readTreeFile(repository, before);
      if (old.length > 0 && old.at(-1) !== LINE_END) throw new ForeignLines(`the last line of ${path} does not end`);
      const summary = await resolveSummary(before, month, known, () => old);
      for (const { line } of ofMonth) addLine(summary, line);
      const bytes = Buffer.concat([old, ...ofMonth.map(({ text }) => Buffer.from(text, "utf8"))]);
      months.push(buildMonthSummary(project, month, computeBlobId(bytes), summary));
      yield { path, bytes };
    }
    for (const file of files.values()) {
      const month = parseFileMonth(file.path.slice(folder.length));
      if (month === undefined) continue;
      months.push(
        buildMonthSummary(project, month, file.id, await resolveSummary(file, month, known, () => readTreeFile(repository, file))),
      );
    }
    yield { path: dashboard, bytes: Buffer.from(buildDashboardText(project, months), "utf8") };
  }
}

/** Finds the first of `lines` that is not, byte for byte, where an earlier append must have put it. Returns undefined if all are there. */
export async function findMissingLine(
  repository: OpenRepository,
  parent: string,
  lines: readonly BatchLine[],
): Promise<BatchLine | undefined> {
  const { tenant_id } = repository.name;
  for (const [path, ofFile] of groupItems(lines, ({ line }) => toLinesPath(tenant_id, line.project_id, toMonth(line)))) {
    const [file] = await listTreeFiles(repository, parent, [path]);
    const present = new Set(file === undefined ? [] : (await readTreeFile(repository, file)).toString("utf8").split("\n"));
    const missing = ofFile.find(({ text }) => !present.has(text.slice(0, -1)));
    if (missing !== undefined) return missing;
  }
  return undefined;
}

const LINE_END = 0x0a;

/** Returns a new summary that the caller may modify. */
async function resolveSummary(
  file: TreeFile | undefined,
  month: string,
  known: ReadonlyMap<string, MonthSummary>,
  read: () => Buffer | Promise<Buffer>,
): Promise<Summary> {
  if (file === undefined) return buildEmptySummary();
  const found = known.get(`${month}:${file.id}`);
  if (found === undefined) return summariseLines(file.path, await read());
  const { month: _, file: __, blob: ___, ...summary } = structuredClone(found);
  return summary;
}

async function summariseLines(path: string, bytes: Buffer): Promise<Summary> {
  const summary = buildEmptySummary();
  const texts = bytes.toString("utf8").split("\n").slice(0, -1);
  for (const [at, text] of texts.entries()) {
    const line = parseTelemetryLine(text);
    if (typeof line === "string") throw new ForeignLines(`line ${at + 1} of ${path}: ${line}`);
    addLine(summary, line);
    if (at % LINES_AT_ONCE === LINES_AT_ONCE - 1) await otherWork();
  }
  return summary;
}

/** Computes the id that git gives a file. Source: git-hash-object(1). */
function computeBlobId(bytes: Uint8Array): string {
  return createHash("sha1").update(`blob ${bytes.byteLength}\0`).update(bytes).digest("hex");
}

function groupItems<T>(items: readonly T[], key: (item: T) => string): ReadonlyMap<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const group = groups.get(key(item));
    if (group === undefined) groups.set(key(item), [item]);
    else group.push(item);
  }
  return groups;
}
