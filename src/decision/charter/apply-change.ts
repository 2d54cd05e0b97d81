import { hashCanonical } from "../../domain/bytes/canonical.js";
import type { ChangeParams, CharterChange } from "../../domain/charter/change.js";
import { CHARTER_RULES, isEntrySignedBy } from "../../domain/charter/entry.js";
import type { FoundingEntry } from "../../domain/charter/founding.js";
import { KEY_USES, type KeyUse } from "../../domain/charter/keys.js";
import type { Passkey, Person, RecordKind, RecordWrite } from "../../domain/charter/records.js";
import type { Recovery } from "../../domain/charter/recovery.js";
import { CharterState } from "../../domain/charter/state.js";
import { denyWith, grantValue, type Outcome } from "../../domain/denial.js";
import { parseActorKind } from "../../domain/ids.js";
import { WEBHOOKS_MAX_COUNT } from "../../domain/ledger/webhook.js";
import { findOverlap } from "../../domain/permit/allowlist.js";
import type { PasskeyFilter } from "../policy/passkey-filter.js";
import { checkNoFoundingKey } from "./recovery.js";

/** The number of persons who can decide at L5 that sealing needs: a proposer, a quorum of two, and one to spare. Source: contracts "Charter". */
const DECIDERS_MIN = 4;

/** The maximum number of persons in a charter. Source: contracts "Charter". */
export const PERSONS_MAX = 5000;

/** The maximum number of actors in a charter. */
export const ACTORS_MAX = 20_000;

/** The maximum number of tenants in the operator's charter. */
const TENANTS_MAX = 10_000;

/** The kinds of records whose ids people tell apart. */
const NAMED_KINDS: ReadonlySet<RecordKind> = new Set(["person", "actor", "tenant"]);

const NO_USES: ReadonlySet<KeyUse> = new Set();

/**
 * Computes the records that a change writes, by version 1 of the rules. `version` is that of the entry with the change, `operatorUses` are the
 * uses for which the operator's keys count where the charter has none. Every verifier computes this itself. Denials: `charter_invalid`,
 * `charter_unreachable`, `nothing_to_do`, `limit_exceeded`.
 */
export function computeWrites(
  state: CharterState,
  version: number,
  change: CharterChange,
  operatorUses = NO_USES,
): Outcome<readonly RecordWrite[]> {
  const writes = applyRules(state, version, change, operatorUses);
  return writes.ok ? (checkNoneAlike(state, writes.value) ?? writes) : writes;
}

/** Ids that differ only in the case of their letters would be taken for each other, and can be one file. */
function checkNoneAlike(state: CharterState, writes: readonly RecordWrite[]): Outcome<never> | undefined {
  const written = new Map<string, string>();
  for (const { kind, id = "" } of writes) {
    if (!NAMED_KINDS.has(kind)) continue;
    const key = `${kind}/${id.toLowerCase()}`;
    const other = written.get(key) ?? state.findAlike(kind, id) ?? id;
    if (other !== id) return denyChange(`${id} differs from ${other} only in the case of its letters; choose another id.`);
    written.set(key, id);
  }
  return undefined;
}

function applyRules(
  state: CharterState,
  version: number,
  { jobType, params }: CharterChange,
  operatorUses: ReadonlySet<KeyUse>,
): Outcome<readonly RecordWrite[]> {
  if ((jobType === "registry.charter.found") !== (version === 1))
    return denyChange(version === 1 ? "Version 1 founds the charter." : "Only version 1 can found a charter.");
  switch (jobType) {
    case "registry.charter.found":
      return foundCharter(params);
    case "registry.policy.publish":
      return publishPolicy(state, params);
    case "registry.keys.rotate":
      return rotateKeys(state, params, operatorUses);
    case "registry.members.change":
      return changeMembers(state, params);
    case "registry.webhooks.change":
      return changeWebhooks(state, params);
    case "registry.charter.seal":
      return sealCharter(state);
    case "registry.tenant.found":
      return foundTenant(state, params);
    case "registry.charter.end_act":
    case "registry.recovery.announce":
      return grantValue([]);
  }
}

function foundCharter(params: ChangeParams<"registry.charter.found">): Outcome<readonly RecordWrite[]> {
  const { policy_hash, persons, actors, keys, relying_parties, tenants, policy_codes, recovery } = params;
  const overlap = findOverlap(Object.entries(tenants).map(([id, { allowance }]) => [id, allowance]));
  if (overlap !== undefined) return denyOverlap(...overlap);
  if (policy_codes.length > 0 && Object.keys(tenants).length === 0)
    return denyChange("Only the operator's charter lists the rules of policies.");
  for (const [kid, key] of Object.entries(keys)) {
    if (key.jwk.kid !== kid) return denyChange(`Key ${key.jwk.kid} is listed under the id ${kid}.`);
    if (key.revoked) return denyChange(`Key ${kid} is revoked before it was ever valid.`);
  }
  const shared = findSharedKey(recovery, new Set(Object.keys(keys)));
  if (shared !== undefined) return denyShared(shared);
  const members = checkMembers(new CharterState(), { persons, actors }, new Set(Object.keys(relying_parties)));
  if (!members.ok) return members;
  return grantValue([
    { kind: "policy", value: { policy_hash } },
    ...Object.entries(persons).map(([id, value]) => ({ kind: "person", id, value }) as const),
    ...Object.entries(actors).map(([id, value]) => ({ kind: "actor", id, value }) as const),
    ...Object.entries(keys).map(([id, value]) => ({ kind: "key", id, value }) as const),
    ...Object.entries(relying_parties).map(([id, value]) => ({ kind: "relying_party", id, value }) as const),
    ...Object.entries(tenants).map(([id, value]) => ({ kind: "tenant", id, value }) as const),
    ...policy_codes.map((id) => ({ kind: "policy_code", id, value: { listed: true } }) as const),
    ...(recovery === undefined ? [] : [{ kind: "recovery", value: recovery } as const]),
  ]);
}

/** Only the operator's charter has tenants. */
function isOperator(state: CharterState): boolean {
  return state.count("tenant") > 0;
}

function publishPolicy(
  state: CharterState,
  { policy_hash, rules }: ChangeParams<"registry.policy.publish">,
): Outcome<readonly RecordWrite[]> {
  if (rules !== undefined && !isOperator(state)) return denyChange("Only the operator's charter lists the rules of policies.");
  if (state.find("policy")?.policy_hash === policy_hash) return denyUnchanged("This policy is already active.");
  const published = { kind: "policy", value: { policy_hash } } as const;
  if (rules === undefined) return grantValue([published]);
  if (state.find("policy_code", rules) !== undefined) return denyUnchanged(`The rules ${rules} are listed; omit \`rules\`.`);
  return grantValue([published, { kind: "policy_code", id: rules, value: { listed: true } }]);
}

/** A tenant's founding key never changes, so that nobody can found a tenant anew. */
function foundTenant(state: CharterState, params: ChangeParams<"registry.tenant.found">): Outcome<readonly RecordWrite[]> {
  const { tenant_id, founding_jwk, allowance, entry } = params;
  if (!isOperator(state)) return denyChange("Only the operator's charter founds tenants.");
  const known = state.find("tenant", tenant_id);
  const value = { founding_jwk, allowance };
  if (known !== undefined) {
    if (entry !== undefined) return denyUnchanged(`${tenant_id} is founded; omit \`entry\` to change only what Runners may do for it.`);
    if (hashCanonical(known.founding_jwk) !== hashCanonical(founding_jwk))
      return denyChange(`The founding key of ${tenant_id} never changes.`);
    // A Runner keeps what it has of a tenant where it first opened it.
    if (known.allowance.fs_scope !== allowance.fs_scope) return denyChange(`The \`fs_scope\` of ${tenant_id} never changes.`);
    if (hashCanonical(known) === hashCanonical(value)) return denyUnchanged(`The allowance of ${tenant_id} is already this one.`);
  } else {
    if (entry === undefined) return denyChange(`${tenant_id} is a new tenant; add \`entry\`, its signed version 1.`);
    const checked = checkFoundingEntry(params, entry);
    if (!checked.ok) return checked;
    if (state.count("tenant") >= TENANTS_MAX) return denyWith("limit_exceeded", `A registry can have at most ${TENANTS_MAX} tenants.`);
  }
  const others = state.list("tenant").filter(([id]) => id !== tenant_id);
  const overlap = findOverlap([...others.map(([id, other]) => [id, other.allowance] as const), [tenant_id, allowance]]);
  if (overlap !== undefined) return denyOverlap(...overlap);
  return grantValue([{ kind: "tenant", id: tenant_id, value }]);
}

/** Checks version 1 of a new tenant in full, since everybody walks that charter from it. */
function checkFoundingEntry(
  { tenant_id, founding_jwk }: ChangeParams<"registry.tenant.found">,
  entry: FoundingEntry,
): Outcome<readonly RecordWrite[]> {
  if (entry.tenant_id !== tenant_id) return denyChange(`The entry founds ${entry.tenant_id}, not ${tenant_id}.`);
  if (entry.rules > CHARTER_RULES) return denyChange(`The entry's rules ${entry.rules} are not known here.`);
  if (!isEntrySignedBy(entry, founding_jwk)) return denyChange(`The entry is not signed by the founding key of ${tenant_id}.`);
  const { params } = entry.change;
  if (Object.keys(params.tenants).length > 0 || params.policy_codes.length > 0)
    return denyChange("Only the operator's charter has tenants and lists the rules of policies.");
  const state = new CharterState();
  const writes = computeWrites(state, 1, entry.change);
  if (!writes.ok) return writes;
  const refused = checkNoFoundingKey(founding_jwk, writes.value);
  if (refused !== undefined) return refused;
  state.write(writes.value);
  return state.hash === entry.state_hash ? writes : denyChange("The entry's change does not lead to the state that it names.");
}

/**
 * A use that has a key must keep one, or leave it to the operator's keys. Revocation is final: a revoked key never returns, not even for another
 * use.
 */
function rotateKeys(
  state: CharterState,
  { add, revoke, recovery }: ChangeParams<"registry.keys.rotate">,
  operatorUses: ReadonlySet<KeyUse>,
): Outcome<readonly RecordWrite[]> {
  const known = state.find("recovery") ?? null;
  if (add.length + revoke.length === 0 && recovery === undefined) return denyUnchanged("The change names no key.");
  if (recovery === null && known === null) return denyUnchanged("The charter has no recovery keys.");
  const added = new Set(add.map(({ jwk }) => jwk.kid));
  if (added.size !== add.length || new Set(revoke).size !== revoke.length) return denyChange("The change names a key twice.");
  const shared = findSharedKey(recovery === undefined ? known : recovery, new Set([...added, ...state.list("key").map(([kid]) => kid)]));
  if (shared !== undefined) return denyShared(shared);
  const writes: RecordWrite[] = recovery === undefined ? [] : [{ kind: "recovery", value: recovery }];
  for (const value of add) {
    const { kid } = value.jwk;
    if (value.revoked) return denyChange(`Key ${kid} is revoked before it was ever valid.`);
    if (state.find("key", kid) !== undefined) return denyChange(`Key ${kid} is, or was, a key of this charter; create a new one.`);
    writes.push({ kind: "key", id: kid, value });
  }
  for (const kid of revoke) {
    const key = state.find("key", kid);
    if (key === undefined) return denyChange(`Key ${kid} is not a key of this charter.`);
    if (key.revoked) return denyUnchanged(`Key ${kid} is revoked.`);
    writes.push({ kind: "key", id: kid, value: { ...key, revoked: true } });
  }
  const valid = state.list("key").filter(([kid, key]) => !key.revoked && !revoke.includes(kid));
  for (const use of KEY_USES) {
    const had = state.list("key").some(([, key]) => key.use === use && !key.revoked);
    const has = valid.some(([, key]) => key.use === use) || add.some((key) => key.use === use);
    if (had && !has && !operatorUses.has(use))
      return denyWith("charter_unreachable", `No key for \`${use}\` would be left; add one in the same change.`);
  }
  return grantValue(writes);
}

/** Finds a recovery key that is a key of some use too, or was one. */
function findSharedKey(recovery: Recovery | null | undefined, kids: ReadonlySet<string>): string | undefined {
  return recovery?.jwks.find(({ kid }) => kids.has(kid))?.kid;
}

function denyShared(kid: string) {
  return denyChange(`${kid} would be a recovery key and a key of another use; create a new one.`);
}

/**
 * Sealing ends the founding key's power, so the persons must be able to decide everything without it: a quorum of two at L5, who are not the
 * proposer, and one person to spare. Each needs a second passkey, since one can be lost.
 */
function sealCharter(state: CharterState): Outcome<readonly RecordWrite[]> {
  if (state.find("sealed") !== undefined) return denyUnchanged("The charter is sealed.");
  const deciders = state.list("person").filter(([id, person]) => canDecide(state, id, person));
  if (deciders.length >= DECIDERS_MIN) return grantValue([{ kind: "sealed", value: { sealed: true } }]);
  const found = deciders.map(([id]) => id).join(", ") || "none";
  return denyWith(
    "charter_unreachable",
    `A sealed charter needs ${DECIDERS_MIN} enabled persons with an office and two passkeys that count at L5 each; it has ${found}.`,
  );
}

function canDecide(state: CharterState, id: string, person: Person): boolean {
  const isMember = state
    .list("actor")
    .some(
      ([actorId, actor]) => actor.person_id === id && !actor.disabled && actor.offices.length > 0 && parseActorKind(actorId) === "person",
    );
  return !person.disabled && isMember && hasSparePasskey(state, person);
}

/** Returns whether a person keeps a passkey that counts at L5, and that the policy accepts, if one is lost. */
export function hasSparePasskey(state: CharterState, person: Person | undefined, accepts: PasskeyFilter = () => true): boolean {
  const counting = person?.passkeys.filter(
    (passkey) =>
      passkey.counts_to === "L5" && state.find("relying_party", passkey.relying_party)?.use === "approve" && accepts(passkey, "L5"),
  );
  return counting !== undefined && counting.length >= 2;
}

function changeMembers(state: CharterState, { persons, actors }: ChangeParams<"registry.members.change">): Outcome<readonly RecordWrite[]> {
  const members = checkMembers(state, { persons, actors }, new Set(state.list("relying_party").map(([id]) => id)));
  if (!members.ok) return members;
  for (const [id, person] of Object.entries(persons)) {
    const kept = checkKeptPasskeys(id, state.find("person", id), person);
    if (!kept.ok) return kept;
  }
  const writes: RecordWrite[] = [
    ...Object.entries(persons).map(([id, value]) => ({ kind: "person", id, value }) as const),
    ...Object.entries(actors).map(([id, value]) => ({ kind: "actor", id, value }) as const),
  ];
  if (writes.length === 0 || writes.some(({ kind, id, value }) => hashCanonical(value) === state.hashRecord(kind, id)))
    return denyUnchanged("The change names no member, or one that it does not change.");
  return grantValue(writes);
}

function changeWebhooks(state: CharterState, { webhooks }: ChangeParams<"registry.webhooks.change">): Outcome<readonly RecordWrite[]> {
  const writes = Object.entries(webhooks).map(([id, value]) => ({ kind: "webhook", id, value }) as const);
  if (writes.length === 0 || writes.some(({ kind, id, value }) => hashCanonical(value) === state.hashRecord(kind, id)))
    return denyUnchanged("The change names no webhook, or one that it does not change.");
  const added = writes.filter(({ id }) => state.find("webhook", id) === undefined).length;
  if (state.count("webhook") + added <= WEBHOOKS_MAX_COUNT) return grantValue(writes);
  return denyWith("limit_exceeded", `A tenant can have at most ${WEBHOOKS_MAX_COUNT} webhooks; change an existing one instead.`);
}

/**
 * Checks the constraints across members: every actor belongs to a person of the charter, and a passkey belongs to only one person. Looks at
 * what the change names alone, so that it costs the same however many members there are: what the state has fulfils them.
 */
function checkMembers(
  state: CharterState,
  { persons, actors }: ChangeParams<"registry.members.change">,
  relyingParties: ReadonlySet<string>,
): Outcome<null> {
  const countAll = (kind: "person" | "actor", changed: object) =>
    state.count(kind) + Object.keys(changed).filter((id) => state.find(kind, id) === undefined).length;
  if (countAll("person", persons) > PERSONS_MAX) return denyWith("limit_exceeded", `A charter can have at most ${PERSONS_MAX} persons.`);
  if (countAll("actor", actors) > ACTORS_MAX) return denyWith("limit_exceeded", `A charter can have at most ${ACTORS_MAX} actors.`);
  const owners = new Map<string, string>();
  for (const [id, { passkeys }] of Object.entries(persons))
    for (const { credential_id, relying_party } of passkeys) {
      const before = state.findPasskeyOwner(credential_id);
      const owner = owners.get(credential_id) ?? (before !== undefined && !Object.hasOwn(persons, before) ? before : undefined);
      if (owner !== undefined) return denyChange(`${id} and ${owner} have the same passkey ${credential_id}.`);
      if (!relyingParties.has(relying_party))
        return denyChange(`${id} has a passkey of ${relying_party}, which is not a relying party of this charter.`);
      owners.set(credential_id, id);
    }
  for (const [id, { person_id }] of Object.entries(actors))
    if (!Object.hasOwn(persons, person_id) && state.find("person", person_id) === undefined)
      return denyChange(`${id} belongs to ${person_id}, who is not a person of this charter.`);
  return grantValue(null);
}

/** A passkey that is kept must be the same key, so that an old id cannot get another key or a higher level. */
function checkKeptPasskeys(id: string, before: Person | undefined, after: Person): Outcome<null> {
  for (const kept of after.passkeys) {
    const known = before?.passkeys.find(({ credential_id }) => credential_id === kept.credential_id);
    if (known !== undefined && hashCanonical(withoutName(known)) !== hashCanonical(withoutName(kept)))
      return denyChange(`Passkey ${kept.credential_id} of ${id} would be another key under the same id; register a new one.`);
  }
  return grantValue(null);
}

function withoutName({ name: _, ...rest }: Passkey): Omit<Passkey, "name"> {
  return rest;
}

function denyChange(message: string) {
  return denyWith("charter_invalid", message);
}

function denyOverlap(one: string, other: string) {
  return denyChange(`The \`fs_scope\` of ${one} overlaps with that of ${other}; every tenant must have its own.`);
}

function denyUnchanged(message: string) {
  return denyWith("nothing_to_do", message);
}
