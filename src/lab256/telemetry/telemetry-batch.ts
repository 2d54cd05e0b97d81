import { RECEIPT_STATUSES, type ReceiptStatus } from "../../domain/permit/receipt.js";
import { formatTelemetryLine, TELEMETRY_SCHEMA_VERSION, type TelemetryLine, toRepositoryName } from "../../domain/telemetry/line.js";
import type { Lab256Dependencies } from "../acts/dependencies.js";
import { type FinishedAct, readFinishedActs } from "../ledger/queries/finished-acts.js";
import { hasTelemetry } from "../ledger/queries/telemetry-waiting.js";
import { Destinations } from "./telemetry-destination.js";

/** The largest batch in bytes. */
const BATCH_MAX_BYTES = 1024 * 1024;

/** The maximum number of ledger pages without a line that one search skips. */
const PAGES_MAX = 20;

export type ComposedBatch =
  | { readonly state: "none"; readonly passed_seq: number; readonly more: boolean }
  | { readonly state: "blocked"; readonly problem: string }
  | {
      readonly state: "batch";
      readonly project_id: string;
      readonly bytes: Uint8Array;
      readonly lines: number;
      readonly to_seq: number;
      /** Whether further acts were waiting when the batch was built. */
      readonly more: boolean;
    };

interface BatchRequest {
  readonly tenant_id: string;
  readonly afterSeq: number;
  /** The project that holds the tenant's last lines. */
  readonly lastProjectId: string | undefined;
  readonly batchMaxLines: number;
}

/** Collects the next lines of the tenant's ledger for one repository, in order and without a gap. */
export async function composeBatch(deps: Pick<Lab256Dependencies, "db" | "infra">, request: BatchRequest): Promise<ComposedBatch> {
  const { tenant_id, batchMaxLines } = request;
  let { afterSeq } = request;
  for (let pages = 0; pages < PAGES_MAX; pages += 1) {
    const page = await readFinishedActs(deps.db, { tenant_id, afterSeq, limit: batchMaxLines });
    const acts = page.acts.filter(hasTelemetry);
    if (acts.length > 0) {
      const batch = await buildBatch(new Destinations(deps.infra, tenant_id, request.lastProjectId), request, acts);
      return batch.state === "batch" && page.more ? { ...batch, more: true } : batch;
    }
    afterSeq = page.seenSeq;
    if (!page.more) return { state: "none", passed_seq: afterSeq, more: false };
  }
  return { state: "none", passed_seq: afterSeq, more: true };
}

async function buildBatch(destinations: Destinations, { tenant_id }: BatchRequest, acts: readonly FinishedAct[]): Promise<ComposedBatch> {
  const texts: string[] = [];
  let sizeBytes = 0;
  let to: { readonly project_id: string; readonly to_seq: number } | undefined;
  for (const act of acts) {
    const destination = await destinations.resolve(act);
    if (!destination.ok) {
      if (to !== undefined) break;
      return { state: "blocked", problem: `Entry ${act.seq} of the ledger waits: ${destination.problem}` };
    }
    const { project_id } = destination;
    if (to !== undefined && to.project_id !== project_id) break;
    const text = formatTelemetryLine(toTelemetryLine(tenant_id, project_id, act));
    sizeBytes += Buffer.byteLength(text);
    if (to !== undefined && sizeBytes > BATCH_MAX_BYTES) break;
    texts.push(text);
    to = { project_id, to_seq: act.seq };
  }
  if (to === undefined) throw new TypeError("A batch has at least one act.");
  return { state: "batch", ...to, bytes: Buffer.from(texts.join(""), "utf8"), lines: texts.length, more: texts.length < acts.length };
}

/** Builds an act's line only from the ledger and the destination, so that a retry builds the same line. */
function toTelemetryLine(
  tenantId: string,
  telemetryProjectId: string,
  { seq, at_ms, jti, project_id, job_type, card_id, scopes, end }: FinishedAct,
): TelemetryLine {
  return {
    schema_version: TELEMETRY_SCHEMA_VERSION,
    at: new Date(at_ms).toISOString(),
    seq,
    tenant_id: tenantId,
    project_id,
    telemetry_repo: toRepositoryName(tenantId, telemetryProjectId),
    jti,
    job_type,
    level: scopes.level,
    actor_id: scopes.actor_id,
    office_id: scopes.office_id,
    ...(card_id === null ? {} : { card_id }),
    ...toLineOutcome(end),
  };
}

function toLineOutcome(end: FinishedAct["end"]) {
  if (end.kind === "closed") return { status: toReceiptStatus(end.closed.status), code: end.closed.denial.code, refs: 0 };
  const { status, code, refs, usage, infra_revision, break_glass } = end.receipt;
  return {
    status,
    ...(code === undefined ? {} : { code }),
    refs: refs.length,
    ...usage,
    ...(infra_revision === undefined ? {} : { infra_revision }),
    ...(break_glass === undefined ? {} : { break_glass: true as const }),
  };
}

/** A command without a receipt was refused or has expired. Only cards have other statuses. */
function toReceiptStatus(status: string): ReceiptStatus {
  return RECEIPT_STATUSES.find((known) => known === status) ?? "denied";
}
