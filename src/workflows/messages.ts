import { ApplicationFailure } from "@temporalio/common";
import { defineQuery, defineSignal, defineUpdate } from "@temporalio/workflow";
import type { Plan } from "../domain/act/plan.js";
import type { ForeignEnvelope } from "../domain/card/attestation.js";
import type { FlowStatus } from "../domain/card/flow-status.js";
import type { Approval, Attestation, MissingRequirement } from "../domain/card/requirement.js";
import type { SignedStatement } from "../domain/card/statement.js";
import type { Denial } from "../domain/denial.js";
import { APPROVALS_VOIDED_SIGNAL } from "../domain/flow/lab256-steps.js";
import type { Level } from "../domain/level.js";
import type { CommandEnvelope } from "../domain/permit/envelope.js";
import type { Receipt, Refusal } from "../domain/permit/receipt.js";

/** A flow's answer to a message, with its state. A denial is a value; handlers never throw. */
export interface MessageVerdict {
  readonly accepted: boolean;
  readonly denial: Denial | null;
  readonly state: FlowState;
}

/** The state of a flow. Times are in milliseconds since 1970. */
export interface FlowState {
  readonly status: FlowStatus;
  readonly tenant_id: string;
  readonly card_id: string | null;
  readonly jti: string | null;
  readonly level: Level | null;
  readonly round: number;
  readonly plan_digest: string | null;
  readonly plan: Plan | null;
  readonly decide_by: number | null;
  readonly run_by: number | null;
  readonly approvals: readonly Approval[];
  readonly attestations: readonly Attestation[];
  readonly missing: readonly MissingRequirement[];
  readonly denial: Denial | null;
}

/** Rejects an update before it is accepted. The failure's type is the denial's code. */
export function rejectWith(denial: Denial | null): void {
  if (denial !== null) throw ApplicationFailure.nonRetryable(denial.message, denial.code);
}

/** Approve, reject or withdraw, for a caller that waits for the answer. */
export const decideUpdate = defineUpdate<MessageVerdict, [SignedStatement]>("decide");
/** The same for a sender that cannot wait. */
export const decideSignal = defineSignal<[SignedStatement]>("statement");
/** An attestation of the plan that the policy requires. */
export const attestUpdate = defineUpdate<MessageVerdict, [ForeignEnvelope]>("attest");
/** The command that a client issues for an approved card. */
export const issueUpdate = defineUpdate<MessageVerdict, [CommandEnvelope, string]>("issue");
/** The signed receipt of a Runner that pulls over HTTP. */
export const finishUpdate = defineUpdate<MessageVerdict, [Receipt]>("finish");
/** The signed refusal of a Runner that pulls over HTTP. */
export const refuseUpdate = defineUpdate<MessageVerdict, [Refusal]>("refuse");
/** Tells that the permit was ended. The flow reads the claim itself, so the message need not be trusted. */
export const permitEndedSignal = defineSignal<[]>("permit_ended");
/** Tells that the ledger has voided the card's approvals. The flow reads the ledger itself, so the message need not be trusted. */
export const approvalsVoidedSignal = defineSignal<[]>(APPROVALS_VOIDED_SIGNAL);
/** Tells that somebody looks at a card whose plan may have changed. The flow checks it itself. */
export const lookSignal = defineSignal<[]>("look");
export const stateQuery = defineQuery<FlowState>("state");
