import type { Jwks } from "../../domain/bytes/signature.js";
import type { Lab256Activities } from "../../domain/flow/lab256-steps.js";
import type { CharterRecorder } from "../identity/charter-recorder.js";
import type { EndingStep } from "../permits/end-permit.js";
import type { PermitDependencies } from "../permits/permits.js";
import type { WebhookReceivers } from "../webhooks/post.js";

/** A step of LAB 256: before an activity begins, after its work and before its result is reported, or between the two writes that end a permit. */
export type Lab256Step = `${"before" | "after"} ${keyof Lab256Activities}` | EndingStep;

/** The dependencies of LAB 256's activities. */
export interface Lab256Dependencies extends PermitDependencies {
  /** The public keys of the Runners, which sign receipts. */
  readonly receiptKeys: Jwks;
  /** The public keys with which the api signs cards and statements. */
  readonly statementKeys: Jwks;
  /** The addresses to which events may be delivered; `public` by default. */
  readonly webhookReceivers?: WebhookReceivers;
  /** How often finished acts are searched, and the maximum number of lines per append. */
  readonly telemetry?: { readonly everyMs: number; readonly batchMaxLines: number };
  /** Records what the ledger lacks of a tenant's charter. Absent in a process that leaves that to others. */
  readonly charterRecorder?: Pick<CharterRecorder, "record">;
  /** Reports what cannot be settled now, such as a damaged object. The rest is settled all the same. `what` names the element. */
  reportFault(error: unknown, what: string): void;
  /** Tells the flow of a card that its approvals are void. Absent in a process that leaves that to others. */
  tellVoided?(workflowId: string): Promise<void>;
  /** Returns whether Temporal has the workflow and it is not closed. */
  isFlowOpen(workflowId: string): Promise<boolean>;
  /** Called at every step and awaited before the next one. */
  onStep?(step: Lab256Step): void | Promise<void>;
}
