import { type Authenticator, registerPasskey } from "../../src/client/deciding.js";
import { requireValue } from "../../src/client/http/problem.js";
import type { RegistryClient } from "../../src/client/http/registry-client.js";
import { parseActorKind } from "../../src/domain/ids.js";
import type { ActorAccess } from "./acting.js";
import { changeMembers, type FoundedAccess } from "./charter.js";

/** Registers a software passkey of a person, and enters it in the charter of each tenant of the person, so that it counts. */
export async function registerCountedPasskey(
  registry: FoundedAccess & ActorAccess,
  name: string,
  passkeys: Authenticator = registry.openPasskeys(name),
): Promise<void> {
  await registerPasskey(registry.as(name), passkeys, name);
  await countPasskeys(registry, registry.as(name));
}

/** Enters the caller's registered passkeys in the charters that name the person. */
export async function countPasskeys(registry: FoundedAccess, client: RegistryClient): Promise<void> {
  const passkeys = requireValue(await client.listPasskeys()).flatMap(({ disabled, record }) => (disabled ? [] : [record]));
  const { actors } = registry.founded;
  const personId = actors.find((one) => one.tenant_id === client.tenant_id && one.actor_id === client.actor_id)?.person_id ?? "";
  const accounts = actors.filter((one) => one.person_id === personId && parseActorKind(one.actor_id) === "person");
  for (const tenantId of new Set(accounts.map((one) => one.tenant_id)))
    await changeMembers(registry, tenantId, (state) => {
      const person = state.find("person", personId);
      if (person === undefined) throw new Error(`The charter of ${tenantId} has no ${personId}.`);
      const added = passkeys.filter((passkey) => !person.passkeys.some(({ credential_id }) => credential_id === passkey.credential_id));
      return added.length === 0 ? undefined : { persons: { [personId]: { ...person, passkeys: [...person.passkeys, ...added] } } };
    });
}
