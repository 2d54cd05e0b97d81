import { EVERY_REF } from "../../domain/act/plan-grounds.js";
import { hashCanonical } from "../../domain/bytes/canonical.js";
import type { CharterEntry } from "../../domain/charter/entry.js";
import { toRecordKey } from "../../domain/charter/records.js";
import { ZERO_ID } from "../../domain/git/git-id.js";
import { ACT_REFS } from "../../domain/git/ref-name.js";
import { NO_PROJECT } from "../../domain/ids.js";
import type { EventType, LedgerEntry, NewEvent } from "../../domain/ledger/event.js";
import type { Receipt } from "../../domain/permit/receipt.js";

/** A change after which plans on a ground with the value `was`, or with any value but `is`, no longer hold. `why` names it. */
export interface GroundChange {
  readonly kind: "ref" | "policy" | "infra" | "record";
  readonly project_id: string;
  readonly name: string;
  readonly was: string | null;
  readonly is: string | null;
  /** The entry that records the change. Plans that are recorded after it rest on what it left. */
  readonly before_seq: number | null;
  readonly why: string;
}

/** The end of one round, however its plan was found to have changed. */
export interface RoundChange {
  readonly card_id: string;
  readonly round: number;
  readonly why: string;
}

/** A change of what plans rest on. */
export type PlanChange = GroundChange | RoundChange;

/** The entries of a charter that write records on which plans can rest. */
const CHARTER_CHANGES: ReadonlySet<EventType> = new Set([
  "policy.published",
  "keys.rotated",
  "member.changed",
  "webhook.changed",
  "tenant.founded",
]);

/** Returns whether events of this type can change what plans rest on. */
export function canChangePlans({ type }: Pick<NewEvent, "type">): boolean {
  return type === "receipt.recorded" || CHARTER_CHANGES.has(type);
}

/** Lists how an entry of the ledger changes what plans rest on. Infra contexts are resolved from the object store, not from an entry. */
export function listEntryChanges(entry: LedgerEntry): GroundChange[] {
  switch (entry.type) {
    case "receipt.recorded":
      return listRefChanges(entry.payload.receipt, entry.seq);
    case "policy.published":
    case "keys.rotated":
    case "member.changed":
    case "webhook.changed":
    case "tenant.founded":
      return listCharterChanges(entry.payload.entry, entry.seq);
    default:
      return [];
  }
}

function listRefChanges({ status, project_id, jti, refs }: Receipt, seq: number): GroundChange[] {
  if (status !== "success") return [];
  return refs
    .filter((move) => move.old !== move.new && !move.name.startsWith(ACT_REFS))
    .flatMap(({ name, old, new: next }) => {
      const why = `${name} of ${project_id} moved from ${formatId(old)} to ${formatId(next)} by the act ${jti}.`;
      const change = { kind: "ref", project_id, name, was: old, is: null, before_seq: seq, why } as const;
      return old === ZERO_ID ? [change, { ...change, name: EVERY_REF }] : [change];
    });
}

/** Names an object id. */
export function formatId(id: string): string {
  return id === ZERO_ID ? "absent" : id;
}

function listCharterChanges({ version, change }: CharterEntry, seq: number): GroundChange[] {
  const buildChange = (kind: GroundChange["kind"], name: string, is: string, why: string): GroundChange => {
    return { kind, project_id: NO_PROJECT, name, was: null, is, before_seq: seq, why };
  };
  const buildRecordChange = (record: string, hash: string) =>
    buildChange("record", record, hash, `Version ${version} of the charter changed the record ${record}.`);
  switch (change.jobType) {
    case "registry.policy.publish": {
      const { policy_hash } = change.params;
      const why = `The policy ${policy_hash} was published in version ${version} of the charter.`;
      return [buildChange("policy", "", policy_hash, why)];
    }
    case "registry.members.change": {
      const { persons, actors } = change.params;
      return [
        ...Object.entries(persons).map(([id, person]) => buildRecordChange(toRecordKey("person", id), hashCanonical(person))),
        ...Object.entries(actors).map(([id, actor]) => buildRecordChange(toRecordKey("actor", id), hashCanonical(actor))),
      ];
    }
    case "registry.webhooks.change":
      return Object.entries(change.params.webhooks).map(([id, webhook]) =>
        buildRecordChange(toRecordKey("webhook", id), hashCanonical(webhook)),
      );
    case "registry.tenant.found": {
      const { tenant_id, founding_jwk, allowance } = change.params;
      return [buildRecordChange(toRecordKey("tenant", tenant_id), hashCanonical({ founding_jwk, allowance }))];
    }
    case "registry.keys.rotate":
      return [
        ...(change.params.recovery === undefined ? [] : [buildRecordChange("recovery", hashCanonical(change.params.recovery))]),
        ...change.params.add.map((key) => buildRecordChange(toRecordKey("key", key.jwk.kid), hashCanonical(key))),
        // No plan rests on a key that is revoked already, so every other value is outdated.
        ...change.params.revoke.map((kid) => buildRecordChange(toRecordKey("key", kid), "revoked")),
      ];
    default:
      return [];
  }
}
