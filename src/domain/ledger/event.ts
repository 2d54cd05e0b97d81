import type { MayBreakGlass } from "../act/break-glass.js";
import type { Plan } from "../act/plan.js";
import type { AttestationEnvelope } from "../card/attestation.js";
import type { Card } from "../card/card.js";
import type { FlowStatus } from "../card/flow-status.js";
import type { Approval, MissingRequirement } from "../card/requirement.js";
import type { SignedStatement } from "../card/statement.js";
import type { ChangeType } from "../charter/change.js";
import type { CharterEntry } from "../charter/entry.js";
import type { Denial } from "../denial.js";
import type { Level } from "../level.js";
import type { CommandEnvelope } from "../permit/envelope.js";
import type { Permit } from "../permit/permit.js";
import type { Receipt, Refusal } from "../permit/receipt.js";
import type { Reason, Requirement } from "../policy/policy-contract.js";
import type { EventType } from "./event-types.js";

/** Returns the container that holds a tenant's registry events. Source: ADR-002 §7. */
export function toRegistryContainer(tenantId: string): string {
  return `C.Registry::${tenantId}`;
}

/** Returns the key of the event that ends a round of a card. After it, the chain takes no approval, attestation or permit of the round. */
export function toApprovalsVoidedKey(cardId: string, round: number): string {
  return `card.approvals_voided/${cardId}/${round}`;
}

/** The payload of every event, by type. ADR-002 §7 defines `project.*`; the others record the flow. */
export interface EventPayloads {
  "project.registered": MayBreakGlass & { project_id: string; name: string; owners: readonly string[]; visibility: string };
  "project.repo.bound": { project_id: string; repo_url: string };
  "project.activity": MayBreakGlass & {
    project_id: string;
    action: "push" | "delete" | "tag" | "merge" | "reset" | "archive" | "unarchive";
    actor: string;
    ref: string;
    commit: string;
  };
  "project.release.tagged": MayBreakGlass & { project_id: string; tag: string; commit: string; notes_hash: string };

  "card.opened": { card: Card; project_id: string; subject_hash: string; workflow_id: string };
  /** The policy decided about a plan. `round` counts from 1; approvals of an earlier round's digest are void. */
  "card.planned": {
    card_id: string;
    round: number;
    plan: Plan;
    plan_digest: string;
    level: Level;
    reasons: readonly Reason[];
    requires: readonly Requirement[];
    missing: readonly MissingRequirement[];
    decide_by: number;
    permit_ttl_ms: number;
  };
  /** The attestations of this plan are void as well. `missing` is what the card's next plan needs. */
  "card.approvals_voided": {
    card_id: string;
    round: number;
    plan_digest: string;
    why: string;
    approvals: readonly Approval[];
    missing: readonly MissingRequirement[];
  };
  "card.approved": CardStatement;
  /** `ends` lists the digests of the approvals that it ends. Old entries do not have it. */
  "card.rejected": CardStatement & { readonly ends?: readonly string[] };
  /** `ends` lists the digests of the approvals that it ends, whichever actor gave them. Old entries do not have it. */
  "card.withdrawn": CardStatement & { readonly ends?: readonly string[] };
  /** An attestation of this round's plan that counts. `attestation` has only the verified signature. */
  "card.attested": {
    card_id: string;
    round: number;
    attestation: AttestationEnvelope;
    attestation_digest: string;
    predicate_type: string;
    plan_digest: string;
    keyid: string;
    missing: readonly MissingRequirement[];
  };
  "card.closed": { card_id: string; status: FlowStatus; denial: Denial | null; reasons: readonly Reason[] };

  "permit.issued": { permit: Permit; card_id: string | null; actor_id: string; intent: string };
  "permit.revoked": PermitEnd;
  "permit.expired": PermitEnd;
  "permit.refused": PermitEnd;

  "command.issued": {
    envelope: CommandEnvelope;
    envelope_digest: string;
    project_id: string;
    actor_id: string;
    workflow_id: string;
    card_id: string | null;
  };
  /** The flow ended without a receipt, because the command was refused before any claim. */
  "command.closed": { jti: string; jobId: string; status: FlowStatus; denial: Denial };

  "receipt.recorded": { receipt: Receipt; actor_id: string; card_id: string | null };
  "receipt.refused": { refusal: Refusal; card_id: string | null };

  /** The entries of the tenant's charter, whole, so that a store can be refilled from the ledger. */
  "charter.founded": RecordedEntry;
  "policy.published": RecordedEntry;
  "keys.rotated": RecordedEntry;
  "member.changed": RecordedEntry;
  "webhook.changed": RecordedEntry;
  "charter.sealed": RecordedEntry;
  "tenant.founded": RecordedEntry;
  "charter.act_ended": RecordedEntry;
  "recovery.announced": RecordedEntry;

  /** Its deliveries are signed with another secret from here on. */
  "webhook.secret_renewed": { webhook_id: string; actor_id: string };
}

interface RecordedEntry {
  entry: CharterEntry;
  entry_hash: string;
}

/** The type of the event that records a charter's change. */
export const CHARTER_EVENTS = {
  "registry.charter.found": "charter.founded",
  "registry.policy.publish": "policy.published",
  "registry.keys.rotate": "keys.rotated",
  "registry.members.change": "member.changed",
  "registry.webhooks.change": "webhook.changed",
  "registry.charter.seal": "charter.sealed",
  "registry.tenant.found": "tenant.founded",
  "registry.charter.end_act": "charter.act_ended",
  "registry.recovery.announce": "recovery.announced",
} as const satisfies Record<ChangeType, EventType>;

interface CardStatement {
  card_id: string;
  signed: SignedStatement;
  statement_digest: string;
  counts: boolean;
  reasons: readonly Reason[];
  approval: Approval | null;
  missing: readonly MissingRequirement[];
}

interface PermitEnd {
  jti: string;
  card_id: string | null;
  reason: string;
  by: string;
}

export type { EventType };

/** An event before it is appended. `key` identifies it within its container, so that appending it again changes nothing. */
export type NewEvent = { [T in EventType]: { readonly type: T; readonly key: string; readonly payload: EventPayloads[T] } }[EventType];

/** An entry of a container's chain. `hash` is the BLAKE3 of the JCS of all other members. */
export type LedgerEntry = NewEvent & {
  readonly container: string;
  readonly tenant_id: string;
  readonly seq: number;
  readonly at_ms: number;
  readonly prev_hash: string;
  readonly hash: string;
};

/** The `prev_hash` of the first entry. */
export const GENESIS_HASH = "0".repeat(64);
