import type { Jwks, SigningKey } from "../../domain/bytes/signature.js";
import type { Lab256Activities } from "../../domain/flow/lab256-steps.js";
import type { InfraSource } from "../../infra/source/source.js";
import type { ObjectStore } from "../../storage/ports.js";
import type { DbPool } from "../database/database.js";
import type { StatementVerification } from "../identity/passkeys/statement-verification.js";
import type { EndingStep } from "../permits/end-permit.js";
import type { PolicyCatalog } from "../permits/policy-catalog.js";
import type { WebhookReceivers } from "../webhooks/post.js";

/**
 * Where LAB 256 stands: before an activity has done anything, after it has done its work and before its result is reported, or between
 * the two writes that end a permit.
 */
export type Lab256Step = `${"before" | "after"} ${keyof Lab256Activities}` | EndingStep;

/** What the steps of LAB 256 need. */
export interface Lab256Dependencies {
  readonly db: DbPool;
  /** Reads everything, creates claims. */
  readonly store: ObjectStore;
  readonly policies: PolicyCatalog;
  readonly infra: InfraSource;
  readonly permitKey: SigningKey;
  /** The Runners' public keys, by which receipts are signed. */
  readonly receiptKeys: Jwks;
  readonly statements: Pick<StatementVerification, "jwks" | "rp">;
  /** Where events may be brought; `public` when absent. */
  readonly webhookReceivers?: WebhookReceivers;
  /** How often finished acts are looked for, and how many lines one append has at most; small presets when absent. */
  readonly telemetry?: { readonly everyMs: number; readonly batchMaxLines: number };
  now(): number;
  /** Told of every step; the work goes on when it has settled. */
  onStep?(step: Lab256Step): void | Promise<void>;
}
