import { readFile } from "node:fs/promises";
import type { TelemetryAppendParams } from "../../domain/act/job.js";
import { denyWith, grantValue, type Outcome } from "../../domain/denial.js";
import { ZERO_ID } from "../../domain/git/git-id.js";
import { toBranchRef } from "../../domain/git/ref-name.js";
import { type BatchLine, parseTelemetryBatch } from "../../domain/telemetry/batch.js";
import { formatAppendMessage, LAST_SEQ_PATTERN, parseLastSeq } from "../../domain/telemetry/last-seq.js";
import { LINE_MAX_BYTES } from "../../domain/telemetry/line.js";
import type { IncomingBytes } from "../../repository/incoming/incoming-bytes.js";
import { countIncomingBytes } from "../../repository/incoming/incoming-bytes.js";
import { commitFiles } from "../../repository/objects/commit-files.js";
import type { OpenRepository } from "../../repository/open-repository.js";
import type { CheckedPack } from "../../repository/packs/checked-pack.js";
import type { JobContext } from "../job.js";
import { readSubjectBytes } from "../subject-bytes.js";
import { buildAppendedFiles, ForeignLines, findMissingLine } from "./telemetry-files.js";

/** The branch that telemetry is committed on. */
export const TELEMETRY_REF = toBranchRef("main");

/** What an append will do, worked out and checked, nothing visible yet. `present`: every line is there already. */
export type AppendChange =
  | { readonly kind: "present"; readonly tip: string; readonly staged_bytes: number }
  | {
      readonly kind: "append";
      readonly old: string;
      readonly tip: string;
      readonly pack: CheckedPack | undefined;
      readonly message: string;
      readonly staged_bytes: number;
      /** The largest file of lines that the commit stores. */
      readonly file_bytes: number;
    };

/** The same for plan and execute, so that what was planned is what runs. Denials: `telemetry_*`, and those of staged bytes and packs. */
export async function prepareAppend(
  context: JobContext,
  repository: OpenRepository,
  params: TelemetryAppendParams,
  iatMs: number,
): Promise<Outcome<AppendChange>> {
  const incoming = await readSubjectBytes(context, params, repository, params.lines * LINE_MAX_BYTES);
  if (!incoming.ok) return incoming;
  const batch = parseTelemetryBatch(await readIncomingBytes(incoming.value), { tenant_id: context.tenant_id, ...params });
  if (!batch.ok) return batch;
  const staged_bytes = countIncomingBytes(incoming.value);
  context.log(`fetched ${params.lines} lines with BLAKE3 ${params.subject_hash}`);
  await context.completeStep("fetched");

  const tip = repository.state.refs.get(TELEMETRY_REF)?.id;
  const last = tip === undefined ? 0 : await readLastSeq(repository, tip, context.signal);
  const fresh = await findNewLines(repository, tip, last, batch.value, params, context.signal);
  if (!fresh.ok) return fresh;
  if (fresh.value.length === 0 && tip !== undefined) return grantValue({ kind: "present", tip, staged_bytes });
  const projects = new Set(fresh.value.map(({ line }) => line.project_id)).size;
  const message = formatAppendMessage({
    from_seq: last,
    to_seq: params.to_seq,
    lines: fresh.value.length,
    projects,
    batch: params.subject_hash,
  });
  const made = await commitLines(context, repository, { tip, lines: fresh.value, message, iatMs });
  if (!made.ok) return made;
  context.log(`checked ${made.value.tip}: ${fresh.value.length} lines of ${projects} projects, after seq ${last}`);
  await context.completeStep("checked");
  return grantValue({ kind: "append", old: tip ?? ZERO_ID, message, staged_bytes, ...made.value });
}

/** The last entry of the ledger that the branch has, by the trailers of its own commits; 0 where none says so. */
async function readLastSeq(repository: OpenRepository, tip: string, signal: AbortSignal): Promise<number> {
  const message = await repository.git.readOutput({
    gitDir: repository.getScratch().gitDir,
    args: ["log", "--first-parent", "--max-count=1", "--extended-regexp", `--grep=${LAST_SEQ_PATTERN}`, "--format=%B", tip, "--"],
    signal,
  });
  return parseLastSeq(message.toString("utf8")) ?? 0;
}

/**
 * The lines that the repository does not have. It may have the first of a batch, or all, when an earlier append's answer was lost for good;
 * then they are there byte for byte. Anything else means that repository and ledger went different ways, and is nobody's to repair by
 * writing on.
 */
async function findNewLines(
  repository: OpenRepository,
  tip: string | undefined,
  last: number,
  batch: readonly BatchLine[],
  { project_id, from_seq, to_seq }: TelemetryAppendParams,
  signal: AbortSignal,
): Promise<Outcome<readonly BatchLine[]>> {
  if (from_seq === last || tip === undefined) return from_seq === last ? grantValue(batch) : denyConflict(project_id, last, from_seq);
  const known = batch.filter(({ line }) => line.seq <= last);
  const isOneHistory = last > from_seq && known.length > 0 && (last >= to_seq || known.at(-1)?.line.seq === last);
  if (!isOneHistory || (await findMissingLine(repository, tip, known, signal)) !== undefined)
    return denyConflict(project_id, last, from_seq);
  return grantValue(batch.slice(known.length));
}

async function commitLines(
  context: JobContext,
  repository: OpenRepository,
  commit: { tip: string | undefined; lines: readonly BatchLine[]; message: string; iatMs: number },
): Promise<Outcome<{ readonly tip: string; readonly pack: CheckedPack | undefined; readonly file_bytes: number }>> {
  const { tip, lines, message, iatMs } = commit;
  let file_bytes = 0;
  async function* measureFiles() {
    for await (const file of buildAppendedFiles(repository, tip, lines, context.signal)) {
      if (file.path.endsWith(".jsonl")) file_bytes = Math.max(file_bytes, file.bytes.byteLength);
      yield file;
    }
  }
  try {
    const made = await commitFiles(repository, { parent: tip, files: measureFiles(), message, iatMs }, context.limits, context.signal);
    return made.ok ? grantValue({ ...made.value, file_bytes }) : made;
  } catch (error) {
    if (!(error instanceof ForeignLines)) throw error;
    return denyWith(
      "telemetry_conflict",
      `${repository.name.project_id} holds what no append wrote: ${error.message}. Restore its main from before that.`,
    );
  }
}

function denyConflict(projectId: string, last: number, from: number) {
  return denyWith(
    "telemetry_conflict",
    `${projectId} has the ledger up to entry ${last}, and the batch begins after ${from}. One of the two was restored from another time; put back what is missing.`,
  );
}

async function readIncomingBytes(incoming: IncomingBytes): Promise<Uint8Array> {
  return "bytes" in incoming ? incoming.bytes : readFile(incoming.path);
}
