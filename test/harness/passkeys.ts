import { join } from "node:path";
import { type Authenticator, registerPasskey } from "../../src/client/deciding.js";
import { requireValue } from "../../src/client/http/problem.js";
import type { RegistryClient } from "../../src/client/http/registry-client.js";
import { readSigningKey } from "../../src/configuration/keys.js";
import { parseActorKind } from "../../src/domain/ids.js";
import { addPasskeys } from "../../src/stack/founding/charter.js";
import type { FoundedActor } from "../../src/stack/founding/people.js";
import type { ObjectStore } from "../../src/storage/ports.js";
import type { ActorAccess } from "./acting.js";

/** A registry whose founding keys and store the test has. */
export interface FoundedAccess extends ActorAccess {
  readonly dataDir: string;
  readonly store: ObjectStore;
  readonly founded: { readonly actors: readonly FoundedActor[] };
}

/** Registers a software passkey of a person, and enters it in the charter of each tenant of the person, so that it counts. */
export async function registerCountedPasskey(
  registry: FoundedAccess,
  name: string,
  passkeys: Authenticator = registry.openPasskeys(name),
): Promise<void> {
  await registerPasskey(registry.as(name), passkeys, name);
  await countPasskeys(registry, registry.as(name));
}

/** Enters the caller's registered passkeys in the charters that name the person. */
export async function countPasskeys({ dataDir, store, founded }: FoundedAccess, client: RegistryClient): Promise<void> {
  const passkeys = requireValue(await client.listPasskeys()).flatMap(({ disabled, record }) => (disabled ? [] : [record]));
  const { actors } = founded;
  const person_id = actors.find((one) => one.tenant_id === client.tenant_id && one.actor_id === client.actor_id)?.person_id;
  const accounts = actors.filter((one) => one.person_id === person_id && parseActorKind(one.actor_id) === "person");
  for (const tenant_id of new Set(accounts.map((one) => one.tenant_id))) {
    const key = readSigningKey(join(dataDir, "keys", "founding", `${tenant_id}.pem`));
    await addPasskeys(store, { tenant_id, person_id: person_id ?? "" }, key, passkeys);
  }
}
