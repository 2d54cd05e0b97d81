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
import type { Making } from "../../repository/objects/making.js";
import type { OpenRepository } from "../../repository/open-repository.js";
import type { CheckedPack } from "../../repository/packs/checked-pack.js";
import type { PlanningContext } from "../context.js";
import { readSubjectBytes } from "../subject-bytes.js";
import { buildAppendedFiles, ForeignLines, findMissingLine } from "./appended-files.js";

/** The branch to which telemetry is committed. */
export const TELEMETRY_REF = toBranchRef("main");

/** A parsed batch of lines. */
export interface FetchedBatch {
  readonly lines: readonly BatchLine[];
  readonly staged_bytes: number;
}

/** A checked append that is not visible yet. `present`: the repository already has every line. */
export type AppendChange =
  | { readonly kind: "present"; readonly tip: string; readonly staged_bytes: number }
  | {
      readonly kind: "append";
      readonly old: string;
      readonly tip: string;
      readonly pack: CheckedPack | undefined;
      readonly message: string;
      readonly staged_bytes: number;
      /** The size of the largest file of lines in the commit. */
      readonly file_bytes: number;
      readonly added: { readonly lines: number; readonly projects: number; readonly after_seq: number };
    };

/** Fetches and parses a batch. Denials: `telemetry_invalid`, `telemetry_misrouted`, those of the staged bytes. */
export async function fetchBatch(
  context: PlanningContext,
  repository: OpenRepository,
  params: TelemetryAppendParams,
): Promise<Outcome<FetchedBatch>> {
  const incoming = await readSubjectBytes(context, params, repository, params.lines * LINE_MAX_BYTES);
  if (!incoming.ok) return incoming;
  const lines = parseTelemetryBatch(await readIncomingBytes(incoming.value), { tenant_id: context.tenant_id, ...params });
  return lines.ok ? grantValue({ lines: lines.value, staged_bytes: countIncomingBytes(incoming.value) }) : lines;
}

/**
 * Commits the lines that the repository does not have yet. Planning and execution both call this, so the planned append is the one that
 * runs. Denials: `telemetry_conflict` and those of a pack.
 */
export async function prepareAppend(
  context: PlanningContext,
  repository: OpenRepository,
  params: TelemetryAppendParams,
  batch: FetchedBatch,
  making: Making,
): Promise<Outcome<AppendChange>> {
  const { staged_bytes } = batch;
  const tip = repository.state.refs.get(TELEMETRY_REF)?.id;
  const after_seq = tip === undefined ? 0 : await readLastSeq(repository, tip);
  const fresh = await findNewLines(repository, tip, after_seq, batch.lines, params);
  if (!fresh.ok) return fresh;
  if (fresh.value.length === 0 && tip !== undefined) return grantValue({ kind: "present", tip, staged_bytes });
  const lines = fresh.value.length;
  const projects = new Set(fresh.value.map(({ line }) => line.project_id)).size;
  const message = formatAppendMessage({ from_seq: after_seq, to_seq: params.to_seq, lines, projects, batch: params.subject_hash });
  const committed = await commitLines(context, repository, { tip, lines: fresh.value, message, making });
  if (!committed.ok) return committed;
  return grantValue({
    kind: "append",
    old: tip ?? ZERO_ID,
    message,
    staged_bytes,
    added: { lines, projects, after_seq },
    ...committed.value,
  });
}

/** Returns the last ledger entry on the branch according to the trailers of its commits, or 0. */
async function readLastSeq(repository: OpenRepository, tip: string): Promise<number> {
  const message = await repository.readGitOutput({
    args: ["log", "--first-parent", "--max-count=1", "--extended-regexp", `--grep=${LAST_SEQ_PATTERN}`, "--format=%B", tip, "--"],
  });
  return parseLastSeq(message.toString("utf8")) ?? 0;
}

/**
 * Finds the lines that the repository does not have yet. If the answer of an earlier append was lost, the repository has some or all of
 * the first lines of the batch, byte for byte. Anything else means that repository and ledger have diverged, which appending would hide.
 */
async function findNewLines(
  repository: OpenRepository,
  tip: string | undefined,
  last: number,
  batch: readonly BatchLine[],
  { project_id, from_seq, to_seq }: TelemetryAppendParams,
): Promise<Outcome<readonly BatchLine[]>> {
  if (from_seq === last || tip === undefined) return from_seq === last ? grantValue(batch) : denyConflict(project_id, last, from_seq);
  const known = batch.filter(({ line }) => line.seq <= last);
  const isOneHistory = last > from_seq && known.length > 0 && (last >= to_seq || known.at(-1)?.line.seq === last);
  if (!isOneHistory || (await findMissingLine(repository, tip, known)) !== undefined) return denyConflict(project_id, last, from_seq);
  return grantValue(batch.slice(known.length));
}

async function commitLines(
  context: PlanningContext,
  repository: OpenRepository,
  commit: { tip: string | undefined; lines: readonly BatchLine[]; message: string; making: Making },
): Promise<Outcome<{ readonly tip: string; readonly pack: CheckedPack | undefined; readonly file_bytes: number }>> {
  const { tip, lines, message, making } = commit;
  let file_bytes = 0;
  async function* measureFiles() {
    for await (const file of buildAppendedFiles(repository, tip, lines)) {
      if (file.path.endsWith(".jsonl")) file_bytes = Math.max(file_bytes, file.bytes.byteLength);
      yield file;
    }
  }
  try {
    const committed = await commitFiles(repository, { parent: tip, files: measureFiles(), message, making }, context.limits);
    return committed.ok ? grantValue({ ...committed.value, file_bytes }) : committed;
  } catch (error) {
    if (!(error instanceof ForeignLines)) throw error;
    return denyWith(
      "telemetry_conflict",
      `${repository.name.project_id} contains lines that no append wrote: ${error.message}. Restore its main from before that.`,
    );
  }
}

function denyConflict(projectId: string, last: number, from: number) {
  return denyWith(
    "telemetry_conflict",
    `${projectId} has the ledger up to entry ${last}, but the batch begins after ${from}. One of the two was restored from an older state; restore what is missing.`,
  );
}

async function readIncomingBytes(incoming: IncomingBytes): Promise<Uint8Array> {
  return "bytes" in incoming ? incoming.bytes : readFile(incoming.path);
}
