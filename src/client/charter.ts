import type { CharterSources } from "../decision/charter/named-policies.js";
import { signNextEntry } from "../decision/charter/next-entry.js";
import { CharterWalk } from "../decision/charter/walk.js";
import { StoredPolicies } from "../decision/policy/stored-policies.js";
import { toCanonicalBytes } from "../domain/bytes/canonical.js";
import type { PublicJwk, SigningKey } from "../domain/bytes/signature.js";
import type { CharterEntry } from "../domain/charter/entry.js";
import type { Passkey } from "../domain/charter/records.js";
import type { Outcome } from "../domain/denial.js";
import { requireValue } from "./http/problem.js";
import type { RegistryClient } from "./http/registry-client.js";

/** A charter that this client walked itself. */
export interface WalkedCharter {
  readonly walk: CharterWalk;
  readonly entries: readonly CharterEntry[];
  /** Whether every entry verifies; a denial says which one does not. */
  readonly outcome: Outcome<number>;
}

/**
 * Lets a registered passkey of a person count: signs, with the founding key, an entry that names it, and sends the entry. Returns its
 * version. The caller has compared the key's fingerprint with the person.
 *
 * @throws Refused, and if the charter does not verify or has no such person
 */
export async function enterPasskey(registry: RegistryClient, foundingKey: SigningKey, personId: string, passkey: Passkey): Promise<number> {
  const { walk, outcome } = await walkTenantCharter(registry, foundingKey.jwk);
  if (!outcome.ok) throw new Error(outcome.denial.message);
  const person = walk.state.find("person", personId);
  if (person === undefined) throw new Error(`${personId} is not a person of the charter of ${registry.tenant_id}.`);
  // What the registry answers must not decide how far a passkey counts.
  const added: Passkey = { ...passkey, counts_to: "L5" };
  const persons = { [personId]: { ...person, passkeys: [...person.passkeys, added] } };
  const signed = await signNextEntry(walk, { jobType: "registry.members.change", params: { persons, actors: {} } }, foundingKey);
  if (!signed.ok) throw new Error(signed.denial.message);
  return requireValue(await registry.appendCharterEntry(signed.value)).version;
}

/** The bytes of a policy by its hash, which the registry might not have yet. */
export interface OwnPolicy {
  readonly hash: string;
  readonly bytes: Uint8Array;
}

/**
 * Returns how to read the tenant's policies from the registry, or `own`. Each is checked by its hash. Only the operator's members can read the
 * operator's charter, so a walk ends where rules were published that only that charter lists. `ogr verify` reads it from a copy of the store.
 */
export function buildCharterSources(registry: RegistryClient, own?: OwnPolicy): CharterSources {
  const policies = new StoredPolicies((_, hash) => (own?.hash === hash ? Promise.resolve(own.bytes) : fetchPolicyBytes(registry, hash)));
  return {
    readPolicy: policies.readPolicyByHash,
    readPolicyParts: policies.readPolicyParts,
    readOperator: null,
  };
}

/** Fetches the bytes of a policy. The caller checks them by their hash. @throws Refused */
export async function fetchPolicyBytes(registry: RegistryClient, policyHash: string): Promise<Uint8Array> {
  return Buffer.from(requireValue(await registry.readPolicy(policyHash)).wasm, "base64");
}

/**
 * Fetches all entries of the tenant's charter and walks them from `foundingJwk`, believing nothing that the registry says of them. The walk can
 * also plan the publication of the policy `own`.
 */
export async function walkTenantCharter(registry: RegistryClient, foundingJwk: PublicJwk, own?: OwnPolicy): Promise<WalkedCharter> {
  const entries: readonly CharterEntry[] = await registry.listCharterEntries().read();
  const walk = new CharterWalk(registry.tenant_id, foundingJwk, buildCharterSources(registry, own));
  const outcome = await walk.advance(async (version) => {
    const entry = entries[version - 1];
    return entry === undefined ? undefined : toCanonicalBytes(entry);
  });
  return { walk, entries, outcome };
}
