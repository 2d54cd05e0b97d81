import { z } from "zod";
import { breakGlassSchema } from "../act/break-glass.js";
import { infraRevisionSchema } from "../act/infra-context.js";
import { personIdSchema } from "../charter/records.js";
import { charterVersionsShape } from "../charter/versions.js";
import { DENIAL_CODES } from "../denial.js";
import { refMoveSchema } from "../git/ref-move.js";
import { actorIdSchema, blake3Schema, jobIdSchema, jtiSchema, tenantIdSchema, timeMsSchema } from "../ids.js";

export const RECEIPT_STATUSES = ["success", "error", "denied", "expired"] as const;
export type ReceiptStatus = (typeof RECEIPT_STATUSES)[number];

const shared = {
  tenant_id: tenantIdSchema,
  jobId: jobIdSchema,
  jti: jtiSchema,
  jobType: z.string().max(100),
  project_id: z.string().max(100),
  finished_at: timeMsSchema,
  logs_hash: blake3Schema,
  /** The key of the log in the object store. */
  logs_key: z.string(),
  artifacts: z.array(z.string()),
  usage: z.strictObject({ wall_ms: z.number().nonnegative(), staged_bytes: z.int().nonnegative(), stored_bytes: z.int().nonnegative() }),
  error: z.string(),
  code: z.enum(DENIAL_CODES).optional(),
  /** The digest of the answered envelope. */
  envelope_digest: blake3Schema,
  policy_hash: blake3Schema,
  kid: z.string().min(1).max(64),
  sig: z.string().min(1).max(200),
};

/**
 * The result of a claimed command, signed by the Runner that held the claim; at most one per `jti`. `refs` are the refs that the act
 * moved, empty unless `status` is `success`. Source: ADR-002 §8, contracts "Permit, command, claim, receipt".
 */
export const receiptSchema = z.strictObject({
  ...shared,
  status: z.enum(RECEIPT_STATUSES),
  refs: z.array(refMoveSchema),
  /** The actor of the permit, and the person who answers for that actor: null if the charter names none, as for the registry's own services. */
  actor_id: actorIdSchema,
  person_id: personIdSchema.nullable(),
  /** The versions of the charters in which the key that signs the receipt is valid. The tenant's names the person. */
  ...charterVersionsShape,
  /**
   * The act whose write of the project's refs this act's write replaced. Null for the first act of a project, and for an act that wrote no
   * refs.
   */
  previous_act: jtiSchema.nullable(),
  /** The revision of the infra registry that the context was checked against before the claim; absent without a registry. */
  infra_revision: infraRevisionSchema.optional(),
  /** The emergency that the approved card declares; absent for any other act. */
  break_glass: breakGlassSchema.optional(),
  /** Whether the only person who can approve approved an act of their own; absent for any other act. */
  solo: z.literal(true).optional(),
});
export type Receipt = z.infer<typeof receiptSchema>;
export type UnsignedReceipt = Omit<Receipt, "kid" | "sig">;

/** The Runner's signed refusal of an envelope before any claim. It does not affect an act with the same permit. */
export const refusalSchema = z.strictObject({ ...shared, status: z.enum(["denied", "expired"]), code: z.enum(DENIAL_CODES) });
export type Refusal = z.infer<typeof refusalSchema>;
export type UnsignedRefusal = Omit<Refusal, "kid" | "sig">;

/** The Runner's answer to one command. */
export type RunnerAnswer =
  | { readonly kind: "receipt"; readonly receipt: Receipt }
  | { readonly kind: "refusal"; readonly refusal: Refusal };

/** The signed answer of a Runner that pulls over HTTP. Source: contracts "POST /v1/exec.finish". */
export const reportSchema = z.union([receiptSchema, refusalSchema]);
export type Report = z.infer<typeof reportSchema>;

/** Distinguishes receipts from refusals: only a receipt has `refs`. */
export function toRunnerAnswer(report: Report): RunnerAnswer {
  return "refs" in report ? { kind: "receipt", receipt: report } : { kind: "refusal", refusal: report };
}

export function toReport(answer: RunnerAnswer): Report {
  return answer.kind === "receipt" ? answer.receipt : answer.refusal;
}
