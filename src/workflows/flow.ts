import { setCurrentDetails, upsertSearchAttributes } from "@temporalio/workflow";
import type { FlowStatus } from "../domain/card/flow-status.js";
import type { Approval, Attestation, MissingRequirement } from "../domain/card/requirement.js";
import type { Denial } from "../domain/denial.js";
import type { DecidedPlan, FlowEnd } from "../domain/flow/lab256-steps.js";
import type { PlannedAct } from "../domain/flow/lab512-steps.js";
import type { OpenRound } from "../domain/flow/official-act-input.js";
import type { Permit } from "../domain/permit/permit.js";
import { toShownLine } from "../domain/shown-text.js";
import type { FlowState, MessageVerdict } from "./messages.js";
import { toSearchAttributes } from "./search-attributes.js";

/** The state of one official act. Temporal's UI shows every change. */
export class Flow {
  status: FlowStatus;
  round = 0;
  planned: PlannedAct | null = null;
  decided: DecidedPlan | null = null;
  permit: Permit | null = null;
  approvals: readonly Approval[] = [];
  attestations: readonly Attestation[] = [];
  missing: readonly MissingRequirement[] = [];
  denial: Denial | null = null;
  private summary: string | null = null;

  constructor(
    readonly tenantId: string,
    readonly cardId: string | null,
    initial: FlowStatus,
  ) {
    this.status = initial;
  }

  get state(): FlowState {
    return {
      status: this.status,
      tenant_id: this.tenantId,
      card_id: this.cardId,
      jti: this.permit?.jti ?? null,
      level: this.decided?.level ?? this.permit?.scopes.level ?? null,
      round: this.round,
      plan_digest: this.planned?.plan_digest ?? null,
      plan: this.planned?.plan ?? null,
      decide_by: this.decided?.decide_by ?? null,
      run_by: this.permit?.exp ?? null,
      approvals: this.approvals,
      attestations: this.attestations,
      missing: this.missing,
      denial: this.denial,
    };
  }

  toVerdict(denial: Denial | null): MessageVerdict {
    return { accepted: denial === null, denial, state: this.state };
  }

  /** Begins a round with a new plan, without the approvals of the old one. */
  beginRound(planned: PlannedAct, decided: DecidedPlan): void {
    this.round += 1;
    this.planned = planned;
    this.decided = decided;
    this.approvals = [];
    this.attestations = [];
    this.missing = decided.missing;
    this.status = "awaiting_approval";
    upsertSearchAttributes(toSearchAttributes({ level: decided.level, status: this.status }));
    this.describe();
  }

  /** Resumes a round in a new run of the flow, which Temporal gives the search attributes of the first, but not its summary. */
  resumeRound({ round, planned, decided, approvals, attestations, missing }: OpenRound, summary: string): void {
    this.summary = summary;
    Object.assign(this, { round, planned, decided, approvals, attestations, missing, status: "awaiting_approval" });
    this.describe();
  }

  /** Skips an attribute that the flow was started with, because an upsert costs an event. */
  changeStatus(status: FlowStatus): void {
    if (status === this.status) return;
    this.status = status;
    upsertSearchAttributes(toSearchAttributes({ status }));
    this.describe();
  }

  end(end: FlowEnd): FlowEnd {
    this.denial = end.denial;
    this.changeStatus(end.status);
    return end;
  }

  describe(): void {
    const { status, missing, denial } = this;
    const lines = [...(this.summary === null ? [] : [this.summary]), `**${status.replaceAll("_", " ")}**`];
    if (this.decided !== null) lines.push(`Level ${this.decided.level}: ${this.decided.reasons.map((r) => r.text).join(" ")}`);
    if (this.planned !== null)
      for (const ref of this.planned.plan.basis.refs)
        lines.push(`\`${ref.name}\`: \`${ref.old.slice(0, 12)}\` → \`${ref.new?.slice(0, 12) ?? "made at run time"}\``);
    for (const approval of this.approvals)
      lines.push(`Approved by ${approval.actor_id} as ${approval.office_id}${approval.step_up ? " with step-up" : ""}`);
    for (const { keyid, predicate_type } of this.attestations) lines.push(`Attested by the key ${keyid}: ${predicate_type}`);
    if (status === "awaiting_approval" && missing.length > 0) lines.push(`Waits for ${missing.map((m) => m.text).join(" and ")}`);
    if (denial !== null) lines.push(`\`${denial.code}\`: ${denial.message}`);
    setCurrentDetails(lines.map(toShownLine).join("\n\n"));
  }
}
