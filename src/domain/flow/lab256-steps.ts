import type { AttestationEnvelope } from "../card/attestation.js";
import type { Card } from "../card/card.js";
import type { FlowStatus } from "../card/flow-status.js";
import type { Approval, Attestation, MissingRequirement } from "../card/requirement.js";
import type { SignedStatement } from "../card/statement.js";
import type { Denial, Outcome } from "../denial.js";
import type { SignedHead } from "../ledger/ledger-head.js";
import type { Level } from "../level.js";
import type { CommandEnvelope } from "../permit/envelope.js";
import type { Receipt, Refusal, RunnerAnswer } from "../permit/receipt.js";
import type { Reason, Requirement } from "../policy/policy-contract.js";
import type { Result } from "../result.js";
import type { PlannedAct } from "./lab512-steps.js";

/** What the policy said of a plan. `decide_by` is in milliseconds since 1970. */
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
  /** Kept from the first round: a new plan does not give a card more time. */
  readonly decide_by: number | null;
}

export interface AdmitStatementInput {
  readonly card: Card;
  readonly signed: SignedStatement;
  readonly planned: PlannedAct;
  readonly decided: DecidedPlan;
  readonly approvals: readonly Approval[];
  readonly attestations: readonly Attestation[];
  /** When the workflow processed the message; a retry judges by the same time. */
  readonly at_ms: number;
}

/** A statement that was verified and counts: what it makes of the card's approvals. */
export interface AdmittedStatement {
  /** The statement as it was parsed. */
  readonly signed: SignedStatement;
  readonly statement_digest: string;
  readonly decision: "approve" | "reject" | "withdraw";
  readonly by_author: boolean;
  readonly approvals: readonly Approval[];
  readonly missing: readonly MissingRequirement[];
}

export interface AdmitAttestationInput extends Omit<AdmitStatementInput, "signed"> {
  readonly attestation: AttestationEnvelope;
  /** A plan can come back in a later round, and is attested anew there. */
  readonly round: number;
}

/** An attestation that was verified: what the card's plan has now, and still lacks. */
export interface AdmittedAttestation {
  readonly attestation_digest: string;
  readonly attestations: readonly Attestation[];
  readonly missing: readonly MissingRequirement[];
}

export interface IssuePermitInput {
  readonly card: Card;
  readonly planned: PlannedAct;
  readonly decided: DecidedPlan;
  readonly workflow_id: string;
  /** When the statement or attestation that completed the requirements was processed, in milliseconds since 1970. */
  readonly approved_at: number;
}

export interface AcceptCommandInput {
  readonly envelope: CommandEnvelope;
  readonly actor_id: string;
  readonly workflow_id: string;
}

export interface AcceptedCommand {
  /** How the tenant's Runner gets its commands: by Temporal, or by pulling them over HTTP. */
  readonly transport: "temporal" | "pull";
}

export interface RecordAnswerInput extends AcceptCommandInput {
  /** What came back from the queue, which anybody who reaches Temporal can have sent. */
  readonly answer: RunnerAnswer | null;
}

export interface FlowEnd {
  readonly status: FlowStatus;
  readonly denial: Denial | null;
  /** The policy's own, where it was the policy that denied. */
  readonly reasons?: readonly Reason[];
}

/** The policy's answer about a plan: it may go on, or why it may not. */
export type PlanDecision = Result<DecidedPlan, { denial: Denial; reasons: readonly Reason[] }>;

/** What LAB 256 does for a flow: policy, permits, statements, ledger. Each call can be repeated without a second effect. */
export interface Lab256Activities {
  /** Opens a card that the api signed, in its own flow. */
  openCard(input: { card: Card; workflow_id: string }): Promise<Outcome<null>>;
  /** Asks the policy about a plan; a denial closes the card. */
  decidePlan(input: DecidePlanInput): Promise<PlanDecision>;
  voidApprovals(input: { card: Card; round: number; plan_digest: string; why: string; approvals: readonly Approval[] }): Promise<void>;
  admitStatement(input: AdmitStatementInput): Promise<Outcome<AdmittedStatement>>;
  admitAttestation(input: AdmitAttestationInput): Promise<Outcome<AdmittedAttestation>>;
  /** Signs the permit of an approved plan and, for a card that runs on approval, issues its command. */
  issuePermit(input: IssuePermitInput): Promise<Outcome<AcceptedCommand & { readonly envelope: CommandEnvelope }>>;
  acceptCommand(input: AcceptCommandInput): Promise<Outcome<AcceptedCommand>>;
  /** What the permit's claim says: nobody has it, somebody ended the permit, or somebody acts by it. */
  permitClaim(input: { tenant_id: string; jti: string }): Promise<"free" | "ended" | "acted">;
  /** Ends an unused permit by winning its claim; `acted` when a Runner has won it already. */
  endPermit(input: {
    tenant_id: string;
    jti: string;
    card_id: string | null;
    end: "expired" | "refused";
    reason: string;
  }): Promise<"ended" | "acted">;
  recordAnswer(input: RecordAnswerInput): Promise<FlowEnd>;
  /** Records the receipt of a Runner that pulls over HTTP; one that is not genuine changes nothing. */
  acceptReceipt(input: AcceptCommandInput & { readonly receipt: Receipt }): Promise<Outcome<FlowEnd | null>>;
  /** The same for its refusal; `null` where somebody holds the claim for this very command, whose receipt is then the answer. */
  acceptRefusal(input: AcceptCommandInput & { readonly refusal: Refusal }): Promise<Outcome<FlowEnd | null>>;
  closeCommand(input: { envelope: CommandEnvelope; end: FlowEnd }): Promise<void>;
  closeCard(input: { card: Card; workflow_id: string; end: FlowEnd }): Promise<void>;
  /** Ends permits that nobody used until their `exp`, and records acts that no flow recorded; answers how many permits it settled. */
  sweepPermits(): Promise<number>;
  /** The newest head of each chain that has no anchor yet, signed. */
  headsToAnchor(): Promise<readonly SignedHead[]>;
  recordAnchored(heads: readonly SignedHead[]): Promise<void>;
  /** Every webhook that wants events. */
  enabledWebhooks(): Promise<readonly WebhookInput[]>;
  /** What a webhook has to bring next, by its `seq` in the ledger, and how long to wait after each attempt that fails. */
  nextWebhookEvent(
    input: WebhookInput,
  ): Promise<{ state: "event"; seq: number; retries_ms: readonly number[] } | { state: "idle" } | { state: "stopped" }>;
  /** One attempt to bring an event to its receiver. */
  deliverWebhookEvent(
    input: WebhookInput & { readonly seq: number },
  ): Promise<{ readonly outcome: "taken" | "refused" | "stopped"; readonly reason?: string }>;
  /** Says what became of an event: brought (`dead` is null), or a dead letter and why. */
  settleWebhookEvent(input: WebhookInput & { readonly seq: number; readonly dead: string | null }): Promise<void>;
  /** Every tenant whose finished acts become telemetry: none where the deployment keeps no infra registry. */
  telemetryTenants(): Promise<readonly string[]>;
  /** Makes a batch of what finished since, stages its lines, and issues the permit of its append. */
  nextTelemetry(input: NextTelemetryInput): Promise<NextTelemetry>;
}

/** What a tenant's telemetry has to do next. */
export type NextTelemetry =
  /** This deployment keeps no infra registry, so there is no telemetry. */
  | { readonly state: "off" }
  /** Up to this entry of the ledger nothing is left. */
  | { readonly state: "idle"; readonly passed_seq: number; readonly wait_ms: number }
  /** The lines stay in the ledger until somebody does what `problem` says. */
  | { readonly state: "blocked"; readonly problem: string }
  /** An append of this batch is under way that an earlier life of the flow began. */
  | { readonly state: "running"; readonly jti: string }
  | {
      readonly state: "append";
      readonly envelope: CommandEnvelope;
      readonly actor_id: string;
      /** The round that the permit is of. */
      readonly round: number;
      readonly to_seq: number;
      readonly lines: number;
      /** How long to leave the acts that finish meanwhile together, once this is appended. */
      readonly wait_ms: number;
    };

export interface NextTelemetryInput {
  readonly tenant_id: string;
  /** How many appends of this batch came to nothing. */
  readonly round: number;
}

export interface WebhookInput {
  readonly tenant_id: string;
  readonly webhook_id: string;
}

export type WebhookActivityName = "nextWebhookEvent" | "deliverWebhookEvent" | "settleWebhookEvent";
