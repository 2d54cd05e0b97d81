import type { ForeignEnvelope } from "../card/attestation.js";
import type { ActAuthority } from "../card/authority.js";
import type { Card } from "../card/card.js";
import type { FlowStatus } from "../card/flow-status.js";
import type { Approval, Attestation, MissingRequirement } from "../card/requirement.js";
import type { SignedStatement } from "../card/statement.js";
import type { Denial, DenialCode, Outcome } from "../denial.js";
import type { SignedHead } from "../ledger/ledger-head.js";
import type { Level } from "../level.js";
import type { CommandEnvelope } from "../permit/envelope.js";
import type { Receipt, Refusal, RunnerAnswer } from "../permit/receipt.js";
import type { Reason, Requirement } from "../policy/policy-contract.js";
import type { Result } from "../result.js";
import type { PlannedAct } from "./lab512-steps.js";

/** The signal to a card's flow that its approvals are void. The flow reads the ledger itself, so the signal need not be trusted. */
export const APPROVALS_VOIDED_SIGNAL = "approvals_voided";

/** The denials after which a card gets a new plan. */
export const OUTDATES_PLAN: ReadonlySet<DenialCode> = new Set(["policy_not_current", "infra_changed", "plan_changed"]);

/** The policy's decision about a plan. `decide_by` is in milliseconds since 1970. */
export interface DecidedPlan {
  readonly level: Level;
  readonly reasons: readonly Reason[];
  readonly requires: readonly Requirement[];
  readonly missing: readonly MissingRequirement[];
  readonly decide_by: number;
  readonly permit_ttl_ms: number;
  readonly max_run_ms: number;
}

export interface DecidePlanInput {
  readonly card: Card;
  readonly round: number;
  readonly planned: PlannedAct;
}

export interface AdmitStatementInput {
  readonly card: Card;
  readonly signed: SignedStatement;
  /** Null while the card is being planned, when it can be rejected or withdrawn. */
  readonly planned: PlannedAct | null;
  readonly approvals: readonly Approval[];
  readonly attestations: readonly Attestation[];
  /** When the workflow processed the message, so that a retry is judged by the same time. */
  readonly at_ms: number;
}

/** A verified statement that counts, and the card's approvals after it. */
export interface AdmittedStatement {
  /** The statement in its parsed form. */
  readonly signed: SignedStatement;
  readonly statement_digest: string;
  readonly decision: "approve" | "reject" | "withdraw";
  readonly by_author: boolean;
  /** How many more persons must reject before a rejection closes the card; absent if the first one does. */
  readonly more_rejections?: number;
  readonly approvals: readonly Approval[];
  readonly missing: readonly MissingRequirement[];
}

export interface AdmitAttestationInput extends Omit<AdmitStatementInput, "signed" | "planned"> {
  readonly planned: PlannedAct;
  readonly attestation: ForeignEnvelope;
  /** The same plan can recur in a later round, in which it must be attested again. */
  readonly round: number;
}

/** A verified attestation, and what the card's plan has and lacks with it. */
export interface AdmittedAttestation {
  readonly attestation_digest: string;
  readonly attestations: readonly Attestation[];
  readonly missing: readonly MissingRequirement[];
}

export interface IssuePermitInput {
  readonly card: Card;
  readonly planned: PlannedAct;
  readonly workflow_id: string;
  /** When a plan without requirements was ready, in milliseconds since 1970. With requirements the ledger tells. */
  readonly approved_at: number;
}

export interface AcceptCommandInput {
  readonly envelope: CommandEnvelope;
  readonly actor_id: string;
  readonly workflow_id: string;
}

export interface AcceptedCommand {
  /** How the tenant's Runner gets its commands: from Temporal, or by pulling over HTTP. */
  readonly transport: "temporal" | "pull";
}

export interface RecordAnswerInput extends AcceptCommandInput {
  /** The answer from the task queue. Anyone who reaches Temporal can have sent it. */
  readonly answer: RunnerAnswer | null;
}

/** Names a command by its permit. */
export interface CommandRef {
  readonly tenant_id: string;
  readonly jti: string;
}

/** A command as the ledger has it, with what its act rests on. */
export interface AbandonedCommand extends AcceptCommandInput, AcceptedCommand {
  readonly authority: ActAuthority | null;
  /** The card that its flow carried. */
  readonly card: Card | null;
}

export interface FlowEnd {
  readonly status: FlowStatus;
  readonly denial: Denial | null;
  /** The policy's reasons, if it denied. */
  readonly reasons?: readonly Reason[];
}

/** The policy's decision about a plan. */
export type PlanDecision = Result<DecidedPlan, { denial: Denial; reasons: readonly Reason[] }>;

/** LAB 256's steps of a flow: policy, permits, statements, ledger. A repeated call has no second effect. */
export interface Lab256Activities {
  /** Records a card that the api signed, if the flow is its own, and asks the policy whether any plan of it could be allowed. */
  openCard(input: { card: Card; workflow_id: string }): Promise<Result<null, { denial: Denial; reasons: readonly Reason[] }>>;
  /** Asks the policy about a plan; a denial closes the card. */
  decidePlan(input: DecidePlanInput): Promise<PlanDecision>;
  /** Records that what was approved and attested in a round no longer counts. */
  voidApprovals(input: { card: Card; round: number; why: string }): Promise<void>;
  /** Denies with one of {@link OUTDATES_PLAN} if the plan of a card has changed, as far as no repository must be read for it. */
  checkPlan(input: { card: Card; planned: PlannedAct }): Promise<Outcome<null>>;
  admitStatement(input: AdmitStatementInput): Promise<Outcome<AdmittedStatement>>;
  admitAttestation(input: AdmitAttestationInput): Promise<Outcome<AdmittedAttestation>>;
  /** Signs the permit of an approved plan. Issues its command too if the card runs on approval. */
  issuePermit(
    input: IssuePermitInput,
  ): Promise<Outcome<AcceptedCommand & { readonly envelope: CommandEnvelope; readonly authority: ActAuthority }>>;
  acceptCommand(input: AcceptCommandInput): Promise<Outcome<AcceptedCommand>>;
  /** Returns the state of the permit's claim: free, ended, or won by a Runner that acts. */
  permitClaim(input: { tenant_id: string; jti: string }): Promise<"free" | "ended" | "acted">;
  /** Ends an unused permit by winning its claim. Returns `acted` if a Runner has already won it. */
  endPermit(input: {
    tenant_id: string;
    jti: string;
    card_id: string | null;
    end: "expired" | "refused";
    reason: string;
  }): Promise<"ended" | "acted">;
  recordAnswer(input: RecordAnswerInput): Promise<FlowEnd>;
  /** Records the receipt of a Runner that pulls over HTTP. A receipt that is not genuine changes nothing. */
  acceptReceipt(input: AcceptCommandInput & { readonly receipt: Receipt }): Promise<Outcome<FlowEnd | null>>;
  /**
   * Records the refusal of such a Runner. The value is null if a Runner holds the claim for this command, because its receipt is then the
   * answer.
   */
  acceptRefusal(input: AcceptCommandInput & { readonly refusal: Refusal }): Promise<Outcome<FlowEnd | null>>;
  closeCommand(input: { envelope: CommandEnvelope; end: FlowEnd }): Promise<void>;
  closeCard(input: { card: Card; workflow_id: string; end: FlowEnd }): Promise<void>;
  /** Records the entries of a tenant's charter that the ledger lacks, and projects its members. */
  recordCharter(input: { tenant_id: string }): Promise<void>;
  /** Ends permits that were not used before their `exp`, and records acts that no flow recorded. Returns the number of settled permits. */
  sweepPermits(): Promise<number>;
  /** Closes waiting cards whose flow is closed or gone. Returns the number of closed ones. */
  closeAbandonedCards(): Promise<number>;
  /** Lists commands without a receipt or another end whose flow is closed or gone, long enough after their claim. */
  abandonedCommands(): Promise<readonly CommandRef[]>;
  /** Reads such a command. Returns null for any other. */
  abandonedCommand(ref: CommandRef): Promise<AbandonedCommand | null>;
  /** Returns the newest head, signed, of each chain whose head has no anchor yet. */
  headsToAnchor(): Promise<readonly SignedHead[]>;
  recordAnchored(heads: readonly SignedHead[]): Promise<void>;
  /** Lists every enabled webhook. */
  enabledWebhooks(): Promise<readonly WebhookRef[]>;
  /** Returns the webhook's next event by its `seq` in the ledger, and the pause after each failed attempt. */
  nextWebhookEvent(
    input: WebhookRef,
  ): Promise<{ state: "event"; seq: number; retries_ms: readonly number[] } | { state: "idle" } | { state: "stopped" }>;
  /** Makes one attempt to deliver an event. */
  deliverWebhookEvent(
    input: WebhookRef & { readonly seq: number },
  ): Promise<{ readonly outcome: "taken" | "refused" | "stopped"; readonly reason?: string }>;
  /** Records the end of an event: delivered (`dead` is null), or a dead letter with the reason. */
  settleWebhookEvent(input: WebhookRef & { readonly seq: number; readonly dead: string | null }): Promise<void>;
  /** Lists the tenants whose finished acts become telemetry; none in a deployment without an infra registry. */
  telemetryTenants(): Promise<readonly string[]>;
  /** Builds a batch of newly finished acts, stages its lines, and issues the permit of its append. */
  nextTelemetry(input: NextTelemetryInput): Promise<NextTelemetry>;
}

/** The next step of a tenant's telemetry. */
export type NextTelemetry =
  /** This deployment has no infra registry, so there is no telemetry. */
  | { readonly state: "off" }
  /** Every act up to this entry of the ledger is appended. */
  | { readonly state: "idle"; readonly passed_seq: number; readonly wait_ms: number }
  /** The lines wait in the ledger until the problem is solved. */
  | { readonly state: "blocked"; readonly problem: string }
  /** An earlier run of the flow started an append of this batch, which has not ended. */
  | { readonly state: "running"; readonly jti: string }
  | {
      readonly state: "append";
      readonly envelope: CommandEnvelope;
      readonly actor_id: string;
      /** The round of the permit. */
      readonly round: number;
      readonly to_seq: number;
      readonly lines: number;
      /** The pause after the append, during which finished acts collect for the next batch. */
      readonly wait_ms: number;
    };

export interface NextTelemetryInput {
  readonly tenant_id: string;
  /** The number of failed appends of this batch. */
  readonly round: number;
}

export interface WebhookRef {
  readonly tenant_id: string;
  readonly webhook_id: string;
}
