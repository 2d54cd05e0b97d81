import type { Jwks } from "../../domain/bytes/signature.js";
import type { Lab256Activities } from "../../domain/flow/lab256-steps.js";
import type { StatementVerification } from "../identity/passkeys/statement-verification.js";
import type { EndingStep } from "../permits/end-permit.js";
import type { PermitDependencies } from "../permits/permits.js";
import type { WebhookReceivers } from "../webhooks/post.js";

/** A step of LAB 256: before an activity begins, after its work and before its result is reported, or between the two writes that end a permit. */
export type Lab256Step = `${"before" | "after"} ${keyof Lab256Activities}` | EndingStep;

/** What the steps of LAB 256 need. */
export interface Lab256Dependencies extends PermitDependencies {
  /** The Runners' public keys, by which receipts are signed. */
  readonly receiptKeys: Jwks;
  readonly statements: Pick<StatementVerification, "jwks" | "rp">;
  /** Where events may be delivered; `public` by default. */
  readonly webhookReceivers?: WebhookReceivers;
  /** How often finished acts are looked for, and the most lines of one append. */
  readonly telemetry?: { readonly everyMs: number; readonly batchMaxLines: number };
  /** Called at every step and awaited before the next one. */
  onStep?(step: Lab256Step): void | Promise<void>;
}
