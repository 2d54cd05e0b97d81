import type { CharterEntry } from "../../domain/charter/entry.js";
import type { Passkey } from "../../domain/charter/records.js";
import type { CharterState } from "../../domain/charter/state.js";
import { isServiceActor } from "../../domain/service-actor.js";
import type { Db } from "../database/database.js";
import { addVerifiedEmail } from "./emails.js";

/**
 * Writes the members that these entries changed into the tables of identities, as `state`, the charter's state after them, says. A person
 * or an actor is disabled, never deleted, and an address stays verified once it was, because authorship counts by it. Must be called in a
 * transaction. Source: contracts "Charter".
 */
export async function projectMembers(
  db: Db,
  tenantId: string,
  entries: readonly CharterEntry[],
  state: CharterState,
  nowMs: number,
): Promise<void> {
  const { persons, actors } = listChangedMembers(entries);
  for (const [actorId, { person_id }] of state.list("actor")) if (persons.has(person_id)) actors.add(actorId);
  // In one order, so that charters that name the same persons do not lock each other out.
  for (const personId of [...persons].sort()) await projectPerson(db, tenantId, personId, state, nowMs);
  for (const actorId of actors) await projectActor(db, tenantId, actorId, state, nowMs);
}

function listChangedMembers(entries: readonly CharterEntry[]) {
  const [persons, actors] = [new Set<string>(), new Set<string>()];
  for (const { change } of entries) {
    if (change.jobType !== "registry.members.change" && change.jobType !== "registry.charter.found") continue;
    for (const id of Object.keys(change.params.persons)) persons.add(id);
    for (const id of Object.keys(change.params.actors)) actors.add(id);
  }
  return { persons, actors };
}

async function projectPerson(db: Db, tenantId: string, personId: string, state: CharterState, nowMs: number): Promise<void> {
  const person = state.find("person", personId);
  if (person === undefined) return;
  await db
    .insertInto("persons")
    .values({ person_id: personId })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
  for (const email of person.emails) await addVerifiedEmail(db, personId, email, nowMs);
  for (const passkey of person.passkeys) await projectPasskey(db, tenantId, personId, passkey);
  const kept = person.passkeys.map(({ credential_id }) => credential_id);
  await disableRemovedPasskeys(db, tenantId, personId, kept, nowMs);
}

async function projectPasskey(db: Db, tenantId: string, personId: string, passkey: Passkey): Promise<void> {
  const { credential_id, public_key, name, relying_party, registration } = passkey;
  const { client_data_json = null, attestation_object = null } = registration ?? {};
  const row = {
    credential_id,
    person_id: personId,
    tenant_id: tenantId,
    counter: 0,
    transports: [],
    name,
    relying_party,
    in_charter: true,
  };
  const written = { ...row, client_data_json, attestation_object, public_key: Buffer.from(public_key, "base64url") };
  await db
    .insertInto("passkeys")
    .values(written)
    .onConflict((conflict) =>
      conflict
        .columns(["tenant_id", "credential_id"])
        // The charter says whose passkey it is and which key it has, whoever registered it. Another key has a counter of its own.
        .doUpdateSet((eb) => ({
          ...{ person_id: personId, name, relying_party, client_data_json, attestation_object, disabled_at: null, in_charter: true },
          public_key: written.public_key,
          counter: eb.case().when("passkeys.public_key", "=", written.public_key).then(eb.ref("passkeys.counter")).else(eb.val(0)).end(),
        })),
    )
    .execute();
}

/** Only a passkey that the charter named can be removed from it. One that waits to be named stays. */
async function disableRemovedPasskeys(db: Db, tenantId: string, personId: string, kept: readonly string[], nowMs: number): Promise<void> {
  let update = db
    .updateTable("passkeys")
    .set({ disabled_at: new Date(nowMs), in_charter: false })
    .where("tenant_id", "=", tenantId)
    .where("person_id", "=", personId)
    .where("in_charter", "=", true);
  if (kept.length > 0) update = update.where("credential_id", "not in", kept);
  await update.execute();
}

async function projectActor(db: Db, tenantId: string, actorId: string, state: CharterState, nowMs: number): Promise<void> {
  const actor = state.find("actor", actorId);
  if (actor === undefined || isServiceActor(actorId)) return;
  const { person_id, name: display_name, offices } = actor;
  const isDisabled = actor.disabled || state.find("person", person_id)?.disabled !== false;
  const disabled_at = isDisabled ? new Date(nowMs) : null;
  await db
    .insertInto("actors")
    .values({ tenant_id: tenantId, actor_id: actorId, person_id, display_name, disabled_at })
    .onConflict((conflict) => conflict.columns(["tenant_id", "actor_id"]).doUpdateSet({ person_id, display_name, disabled_at }))
    .execute();
  await db.deleteFrom("memberships").where("tenant_id", "=", tenantId).where("actor_id", "=", actorId).execute();
  if (offices.length === 0) return;
  const rows = offices.map(({ office_id, roles, until }) => ({
    tenant_id: tenantId,
    actor_id: actorId,
    office_id,
    roles: [...roles],
    until_at: until === undefined ? null : new Date(until),
  }));
  await db.insertInto("memberships").values(rows).execute();
}
