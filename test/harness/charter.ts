import { join } from "node:path";
import { requireValue } from "../../src/client/http/problem.js";
import { createRegistryClient } from "../../src/client/http/registry-client.js";
import { readOperator, readSigningKey } from "../../src/configuration/keys.js";
import { Charters } from "../../src/decision/charter/charters.js";
import { signNextEntry } from "../../src/decision/charter/next-entry.js";
import { hashCanonical } from "../../src/domain/bytes/canonical.js";
import type { CharterChange } from "../../src/domain/charter/change.js";
import type { CharterEntry } from "../../src/domain/charter/entry.js";
import type { CharterActor, Person } from "../../src/domain/charter/records.js";
import type { CharterState } from "../../src/domain/charter/state.js";
import type { WebhookRecord } from "../../src/domain/ledger/webhook.js";
import { toCharterKey } from "../../src/domain/storage-key.js";
import type { FoundedActor } from "../../src/stack/founding/people.js";
import type { ObjectStore } from "../../src/storage/ports.js";
import { requireOutcome } from "./outcomes.js";

/** A running registry whose founding keys and store the test has. */
export interface FoundedAccess {
  readonly url: string;
  readonly dataDir: string;
  readonly store: ObjectStore;
  readonly founded: { readonly actors: readonly FoundedActor[] };
}

/** A change of members, as far as it names them. */
export interface MembersChange {
  readonly persons?: Readonly<Record<string, Person>>;
  readonly actors?: Readonly<Record<string, CharterActor>>;
}

export function readFoundingKey({ dataDir }: Pick<FoundedAccess, "dataDir">, tenantId: string) {
  return readSigningKey(join(dataDir, "keys", "founding", `${tenantId}.pem`));
}

/** Signs a change as the next entry of a tenant's charter. Undefined if there is nothing to change. @throws if the rules refuse it */
export async function signChange(
  registry: FoundedAccess,
  tenantId: string,
  build: (state: CharterState) => CharterChange | undefined,
): Promise<CharterEntry | undefined> {
  const key = readFoundingKey(registry, tenantId);
  const walk = requireOutcome(
    await new Charters(registry.store, readOperator(join(registry.dataDir, "keys", "operator.json"))).openWalk(tenantId),
  );
  const walked = await walk.advance((version) => registry.store.blobs.get(toCharterKey(tenantId, version)));
  if (!walked.ok) throw new Error(walked.denial.message);
  const change = build(walk.state);
  if (change === undefined) return undefined;
  const signed = await signNextEntry(walk, change, key);
  if (!signed.ok) throw new Error(signed.denial.message);
  return signed.value;
}

/** Appends a change that the founding key signs and the api takes. Tries again if another entry is appended at the same time. */
async function appendChange(
  registry: FoundedAccess,
  tenantId: string,
  build: (state: CharterState) => CharterChange | undefined,
): Promise<void> {
  for (;;) {
    let sender: FoundedActor | undefined;
    const entry = await signChange(registry, tenantId, (state) => {
      const isEnabled = ({ actor_id, person_id }: FoundedActor) =>
        state.find("actor", actor_id)?.disabled === false && state.find("person", person_id)?.disabled === false;
      sender = registry.founded.actors.find((one) => one.tenant_id === tenantId && isEnabled(one));
      return build(state);
    });
    if (entry === undefined) return;
    if (sender === undefined) throw new Error(`${tenantId} has no enabled actor with a token.`);
    const appended = await createRegistryClient({ server: registry.url, token: sender.token }, sender).appendCharterEntry(entry);
    if (!appended.ok && appended.problem.code === "charter_changed") continue;
    requireValue(appended);
    return;
  }
}

/** Changes members by the founding key. */
export function changeMembers(
  registry: FoundedAccess,
  tenantId: string,
  build: (state: CharterState) => MembersChange | undefined,
): Promise<void> {
  return appendChange(registry, tenantId, (state) => {
    const changed = build(state);
    if (changed === undefined) return undefined;
    return { jobType: "registry.members.change", params: { persons: {}, actors: {}, ...changed } };
  });
}

/** Declares a receiver of a tenant's events by the founding key, unless it is already declared so. */
export function declareWebhook(
  registry: FoundedAccess,
  tenantId: string,
  webhookId: string,
  changes: Pick<WebhookRecord, "url"> & Partial<WebhookRecord>,
): Promise<void> {
  return appendChange(registry, tenantId, (state) => {
    const webhook = { types: null, retries_ms: [100, 100], disabled: false, ...changes };
    if (hashCanonical(webhook) === state.hashRecord("webhook", webhookId)) return undefined;
    return { jobType: "registry.webhooks.change", params: { webhooks: { [webhookId]: webhook } } };
  });
}

/** Changes one actor's record. */
export function changeActor(
  registry: FoundedAccess,
  { tenant_id, actor_id }: Pick<FoundedActor, "tenant_id" | "actor_id">,
  change: (actor: CharterActor) => CharterActor,
): Promise<void> {
  return changeMembers(registry, tenant_id, (state) => {
    const actor = state.find("actor", actor_id);
    if (actor === undefined) throw new Error(`The charter of ${tenant_id} has no ${actor_id}.`);
    return { actors: { [actor_id]: change(actor) } };
  });
}

/** Changes one person's record. */
export function changePerson(
  registry: FoundedAccess,
  { tenant_id, person_id }: Pick<FoundedActor, "tenant_id" | "person_id">,
  change: (person: Person) => Person,
): Promise<void> {
  return changeMembers(registry, tenant_id, (state) => {
    const person = state.find("person", person_id);
    if (person === undefined) throw new Error(`The charter of ${tenant_id} has no ${person_id}.`);
    return { persons: { [person_id]: change(person) } };
  });
}
