import type { CharterSources } from "../decision/charter/named-policies.js";
import { signNextEntry } from "../decision/charter/next-entry.js";
import type { OperatorCharter } from "../decision/charter/plane-keys.js";
import { CharterWalk } from "../decision/charter/walk.js";
import { StoredPolicies } from "../decision/policy/stored-policies.js";
import { toCanonicalBytes } from "../domain/bytes/canonical.js";
import type { PublicJwk, SigningKey } from "../domain/bytes/signature.js";
import type { CharterEntry } from "../domain/charter/entry.js";
import type { Operator } from "../domain/charter/founding.js";
import type { Passkey } from "../domain/charter/records.js";
import { grantValue, type Outcome } from "../domain/denial.js";
import { requireValue } from "./http/problem.js";
import type { RegistryClient } from "./http/registry-client.js";

/** A charter that this client walked itself. */
export interface WalkedCharter {
  readonly walk: CharterWalk;
  readonly entries: readonly CharterEntry[];
  readonly sources: CharterSources;
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
  const { walk, outcome } = await walkTenantCharter(registry, { ...(await readNamedRoot(registry)), founding_jwk: foundingKey.jwk });
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

/** What a client trusts when it walks a charter. Without `operator`, none of the operator's keys count. */
export interface CharterRoot {
  readonly founding_jwk: PublicJwk;
  readonly operator: Operator | null;
}

/** Returns what the registry says that can be trusted: for reading without a kept key, and for who signs with the founding key. @throws Refused */
export async function readNamedRoot(registry: RegistryClient): Promise<CharterRoot> {
  const { founding_jwk, operator } = requireValue(await registry.readCharter());
  return { founding_jwk, operator };
}

/** Finds the tenant's founding key in the operator's charter. @throws Refused, also if the tenant does not rest on that charter's keys */
export async function readRootOf(registry: RegistryClient, operator: Operator): Promise<CharterRoot> {
  const { tenant_id } = registry;
  if (tenant_id === operator.tenant_id) return { founding_jwk: operator.founding_jwk, operator: null };
  const walk = await walkOperatorCharter(registry, operator);
  if (!walk.ok) throw new Error(walk.denial.message);
  const tenant = walk.value.state.find("tenant", tenant_id);
  if (tenant === undefined) throw new Error(`The charter of ${operator.tenant_id} does not name ${tenant_id}.`);
  return { founding_jwk: tenant.founding_jwk, operator };
}

/**
 * Returns how to read the tenant's policies from the registry, or `own`. Each is checked by its hash. Other tenants' members can read the operator's
 * charter only if their tenant rests on its keys, so another walk ends where rules were published that only that charter lists. `ogr verify` reads
 * it from a copy of the store.
 */
export function buildCharterSources(registry: RegistryClient, operator: Operator | null = null, own?: OwnPolicy): CharterSources {
  const policies = new StoredPolicies((_, hash) => (own?.hash === hash ? Promise.resolve(own.bytes) : fetchPolicyBytes(registry, hash)));
  let walked: ReturnType<typeof walkOperatorCharter> | undefined;
  const readOperator = async (found: Operator): Promise<Outcome<OperatorCharter>> => {
    walked ??= walkOperatorCharter(registry, found);
    const walk = await walked;
    return walk.ok ? grantValue(walk.value.operatorCharter) : walk;
  };
  return {
    readPolicy: policies.readPolicyByHash,
    readPolicyParts: policies.readPolicyParts,
    readOperator: operator === null || operator.tenant_id === registry.tenant_id ? null : () => readOperator(operator),
  };
}

async function walkOperatorCharter(registry: RegistryClient, { tenant_id, founding_jwk }: Operator): Promise<Outcome<CharterWalk>> {
  const policies = new StoredPolicies((_, hash) => fetchPolicyBytes(registry, hash, "operator"));
  const { readPolicyByHash: readPolicy, readPolicyParts } = policies;
  const walk = new CharterWalk(tenant_id, founding_jwk, { readPolicy, readPolicyParts, readOperator: null });
  const walked = await advance(walk, await registry.listCharterEntries("operator").read());
  return walked.ok ? grantValue(walk) : walked;
}

/** Fetches the bytes of a policy. The caller checks them by their hash. @throws Refused */
export async function fetchPolicyBytes(registry: RegistryClient, policyHash: string, charter?: "operator"): Promise<Uint8Array> {
  return Buffer.from(requireValue(await registry.readPolicy(policyHash, charter)).wasm, "base64");
}

/**
 * Fetches all entries of the tenant's charter and walks them from `root`, believing nothing that the registry says of them. The walk can also
 * plan the publication of the policy `own`.
 */
export async function walkTenantCharter(
  registry: RegistryClient,
  { founding_jwk, operator }: CharterRoot,
  own?: OwnPolicy,
): Promise<WalkedCharter> {
  const entries: readonly CharterEntry[] = await registry.listCharterEntries().read();
  const sources = buildCharterSources(registry, operator, own);
  const walk = new CharterWalk(registry.tenant_id, founding_jwk, sources);
  return { walk, entries, sources, outcome: await advance(walk, entries) };
}

function advance(walk: CharterWalk, entries: readonly CharterEntry[]): Promise<Outcome<number>> {
  return walk.advance(async (version) => {
    const entry = entries[version - 1];
    return entry === undefined ? undefined : toCanonicalBytes(entry);
  });
}
