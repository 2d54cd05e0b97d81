import { RECEIPT_STATUSES, type ReceiptStatus } from "../../domain/permit/receipt.js";
import { formatTelemetryLine, TELEMETRY_SCHEMA_VERSION, type TelemetryLine, toRepositoryName } from "../../domain/telemetry/line.js";
import type { Lab256Dependencies } from "../acts/dependencies.js";
import { type FinishedAct, finishedActs } from "../ledger/queries/finished-acts.js";
import { hasTelemetry } from "../ledger/queries/telemetry-waiting.js";
import { Destinations } from "./telemetry-destination.js";

/** A batch is cut above this size, whatever the number of its lines. */
const BATCH_MAX_BYTES = 1024 * 1024;

/** How many pages of the ledger one look walks over that have nothing to tell. */
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
      /** Whether there were acts behind it already when it was made. */
      readonly more: boolean;
    };

interface BatchOf {
  readonly tenant_id: string;
  readonly after_seq: number;
  /** Where the tenant's lines went last. */
  readonly last_project_id: string | undefined;
  readonly batch_max_lines: number;
}

/** The next lines of the tenant's ledger that go to one repository, in the ledger's order and without a gap. */
export async function composeBatch(deps: Pick<Lab256Dependencies, "db" | "infra">, of: BatchOf): Promise<ComposedBatch> {
  const { tenant_id, batch_max_lines } = of;
  let { after_seq } = of;
  for (let pages = 0; pages < PAGES_MAX; pages += 1) {
    const page = await finishedActs(deps.db, { tenant_id, after_seq, limit: batch_max_lines });
    const told = page.acts.filter(hasTelemetry);
    if (told.length > 0) {
      const batch = await batchFrom(new Destinations(deps.infra, tenant_id, of.last_project_id), of, told);
      return batch.state === "batch" && page.more ? { ...batch, more: true } : batch;
    }
    after_seq = page.seen_seq;
    if (!page.more) return { state: "none", passed_seq: after_seq, more: false };
  }
  return { state: "none", passed_seq: after_seq, more: true };
}

async function batchFrom(destinations: Destinations, { tenant_id }: BatchOf, acts: readonly FinishedAct[]): Promise<ComposedBatch> {
  const texts: string[] = [];
  let size_bytes = 0;
  let to: { readonly project_id: string; readonly to_seq: number } | undefined;
  for (const act of acts) {
    const destination = await destinations.of(act);
    if (!destination.ok) {
      if (to !== undefined) break;
      return { state: "blocked", problem: `Entry ${act.seq} of the ledger waits: ${destination.problem}` };
    }
    const { project_id } = destination;
    if (to !== undefined && to.project_id !== project_id) break;
    const text = formatTelemetryLine(lineOf(tenant_id, project_id, act));
    size_bytes += Buffer.byteLength(text);
    if (to !== undefined && size_bytes > BATCH_MAX_BYTES) break;
    texts.push(text);
    to = { project_id, to_seq: act.seq };
  }
  if (to === undefined) throw new TypeError("A batch is made of at least one act.");
  return { state: "batch", ...to, bytes: Buffer.from(texts.join(""), "utf8"), lines: texts.length, more: texts.length < acts.length };
}

/** The line of an act. It follows from the ledger and its destination alone, so that it is the same however often it is made. */
function lineOf(
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
    ...outcomeOf(end),
  };
}

function outcomeOf(end: FinishedAct["end"]) {
  if (end.kind === "closed") return { status: statusOf(end.closed.status), code: end.closed.denial.code, refs: 0 };
  const { status, code, refs, usage, infra_revision } = end.receipt;
  return {
    status,
    ...(code === undefined ? {} : { code }),
    refs: refs.length,
    ...usage,
    ...(infra_revision === undefined ? {} : { infra_revision }),
  };
}

/** A command without a receipt was refused or expired; a flow's other states are those of cards. */
function statusOf(status: string): ReceiptStatus {
  return RECEIPT_STATUSES.find((known) => known === status) ?? "denied";
}
