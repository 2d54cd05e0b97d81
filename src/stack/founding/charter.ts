import { Charters } from "../../decision/charter/charters.js";
import { signNextEntry } from "../../decision/charter/next-entry.js";
import { toCanonicalBytes } from "../../domain/bytes/canonical.js";
import { type Blake3Hex, hashBlake3Hex } from "../../domain/bytes/hash.js";
import type { SigningKey } from "../../domain/bytes/signature.js";
import type { ChangeParams, CharterChange } from "../../domain/charter/change.js";
import type { Operator } from "../../domain/charter/founding.js";
import { TERMINAL_ORIGIN } from "../../domain/charter/passkeys.js";
import { normalizeEmail } from "../../domain/email.js";
import { parseActorKind } from "../../domain/ids.js";
import type { Allowance } from "../../domain/permit/allowlist.js";
import { toCharterKey, toPolicyBytesKey } from "../../domain/storage-key.js";
import type { TenantSeed } from "../../lab256/identity/seed.js";
import type { ObjectStore } from "../../storage/ports.js";
import { type FoundingKeys, getOperator } from "./keys.js";

type Founding = ChangeParams<"registry.charter.found">;

/** The domain whose passkeys approve, and the pages that may request their assertions. */
export interface ApprovalSite {
  readonly id: string;
  readonly origins: readonly string[];
}

/** Passkeys of a development registry, used from a terminal only. */
const LOCAL_SITE: ApprovalSite = { id: "localhost", origins: [] };

/** The keys of the operator's new charter, which count for every tenant, and what Runners may do for each of them. */
export interface CharterSeeds extends Pick<FoundingKeys, "foundingKeys" | "planeKeys"> {
  readonly allowances: Readonly<Record<string, Allowance>>;
}

/**
 * Founds the charters of these tenants, see {@link foundCharter}. The first tenant is the operator's, whose charter names the others. Returns the
 * hash of their first policy. `site` is the relying party for approvals, which `ogr` can use too.
 */
export async function foundCharters(
  store: ObjectStore,
  tenants: readonly TenantSeed[],
  { foundingKeys, planeKeys, allowances }: CharterSeeds,
  policy: Uint8Array,
  site: ApprovalSite = LOCAL_SITE,
): Promise<Blake3Hex> {
  const relying_parties: Founding["relying_parties"] = { [site.id]: { origins: [...site.origins, TERMINAL_ORIGIN], use: "approve" } };
  const keys = Object.fromEntries(planeKeys.map((key) => [key.jwk.kid, key]));
  const named: Founding["tenants"] = {};
  for (const { tenant_id } of tenants) {
    const [key, allowance] = [foundingKeys.get(tenant_id), allowances[tenant_id]];
    if (key === undefined || allowance === undefined) throw new Error(`${tenant_id} has no founding key or no allowance.`);
    named[tenant_id] = { founding_jwk: key.jwk, allowance };
  }
  const operator = getOperator(foundingKeys);
  // Before anything is written for a tenant that only an act of the operator's tenant can add.
  if ((await store.blobs.stat(toCharterKey(operator.tenant_id, 1))) !== undefined)
    await requireNamedTenants(new Charters(store, operator), tenants);
  await Promise.all(
    tenants.map(async (seed) => {
      const foundingKey = foundingKeys.get(seed.tenant_id);
      if (foundingKey === undefined) return;
      const isOperator = seed.tenant_id === operator.tenant_id;
      const own = isOperator ? { keys, tenants: named } : { keys: {}, tenants: {} };
      await foundCharter(store, seed, foundingKey, { policy, relying_parties, ...own });
    }),
  );
  return hashBlake3Hex(policy);
}

/** @throws if the operator's charter, which may be older than this list of tenants, lacks one of them */
async function requireNamedTenants(charters: Charters, tenants: readonly TenantSeed[]): Promise<void> {
  for (const { tenant_id } of tenants) {
    const known = await charters.readAllowance(tenant_id);
    if (!known.ok) throw new Error(known.denial.message);
  }
}

/**
 * Founds a tenant's charter: writes the bytes of its first policy and version 1, with the members of the seed, these keys and these relying
 * parties. An existing charter stays as it is, so no start and no upgrade changes one.
 */
async function foundCharter(
  store: ObjectStore,
  seed: TenantSeed,
  foundingKey: SigningKey,
  { policy, ...named }: { readonly policy: Uint8Array } & Pick<Founding, "keys" | "relying_parties" | "tenants">,
): Promise<void> {
  const { tenant_id } = seed;
  if ((await store.blobs.stat(toCharterKey(tenant_id, 1))) !== undefined) return;
  const policy_hash = hashBlake3Hex(policy);
  await store.blobs.create(toPolicyBytesKey(tenant_id, policy_hash), policy);
  const params = { policy_hash, ...listMembers(seed), ...named, policy_codes: [] };
  await appendCharterEntry(store, tenant_id, foundingKey, { jobType: "registry.charter.found", params });
}

/** The persons are those with an account of their own; agents and apps name one of them as responsible. */
function listMembers({ actors: seeded = [] }: TenantSeed): Pick<Founding, "persons" | "actors"> {
  const persons: Founding["persons"] = {};
  const actors: Founding["actors"] = {};
  for (const { actor_id, person_id, display_name: name, emails = [], offices = [] } of seeded) {
    if (parseActorKind(actor_id) === "person") {
      const known = persons[person_id] ?? { name, emails: [], passkeys: [], disabled: false };
      persons[person_id] = { ...known, emails: [...new Set([...known.emails, ...emails.map(normalizeEmail)])] };
    }
    const held = offices.map(({ office_id, roles = [] }) => ({ office_id, roles: [...roles] }));
    actors[actor_id] = { person_id, name, offices: held, disabled: false };
  }
  return { persons, actors };
}

/**
 * Appends a change signed by the founding key, which suffices until the charter is sealed. Without `operator`, the tenant is the operator, or one
 * whose charter names its own keys. Returns the new version.
 *
 * @throws if the change is refused, if the charter is sealed or not valid, or if another entry was appended at the same time.
 */
export async function appendCharterEntry(
  store: ObjectStore,
  tenant_id: string,
  foundingKey: SigningKey,
  change: CharterChange,
  operator: Operator = { tenant_id, founding_jwk: foundingKey.jwk },
): Promise<number> {
  const opened = await new Charters(store, operator).openWalk(tenant_id);
  if (!opened.ok) throw new Error(opened.denial.message);
  const walk = opened.value;
  const walked = await walk.advance((version) => store.blobs.get(toCharterKey(tenant_id, version)));
  if (!walked.ok && walked.denial.code !== "tenant_unknown") throw new Error(walked.denial.message);
  const signed = await signNextEntry(walk, change, foundingKey);
  if (!signed.ok) throw new Error(`${signed.denial.code}: ${signed.denial.message}`);
  const { version } = signed.value;
  const created = await store.blobs.create(toCharterKey(tenant_id, version), toCanonicalBytes(signed.value));
  if (created === "exists")
    throw new Error(`The charter of ${tenant_id} was changed at the same time: check its newest entry and try again.`);
  return version;
}
