import { CharterWalk } from "../decision/charter/walk.js";
import { toCanonicalBytes } from "../domain/bytes/canonical.js";
import type { PublicJwk } from "../domain/bytes/signature.js";
import type { CharterEntry } from "../domain/charter/entry.js";
import type { Outcome } from "../domain/denial.js";
import { readPages } from "./http/paging.js";
import type { RegistryClient } from "./http/registry-client.js";

/** A charter that this client walked itself. */
export interface WalkedCharter {
  readonly walk: CharterWalk;
  readonly entries: readonly CharterEntry[];
  /** Whether every entry verifies; a denial says which one does not. */
  readonly outcome: Outcome<number>;
}

/** Fetches all entries of the tenant's charter and walks them from `foundingJwk`, believing nothing that the registry says of them. */
export async function walkTenantCharter(registry: RegistryClient, foundingJwk: PublicJwk): Promise<WalkedCharter> {
  const entries: CharterEntry[] = [];
  for await (const page of readPages((query) => registry.listCharterEntries(query))) entries.push(...page);
  const walk = new CharterWalk(registry.tenant_id, foundingJwk);
  const outcome = await walk.advance(async (version) => {
    const entry = entries[version - 1];
    return entry === undefined ? undefined : toCanonicalBytes(entry);
  });
  return { walk, entries, outcome };
}
