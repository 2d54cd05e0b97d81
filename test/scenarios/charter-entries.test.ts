import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readNamedRoot, readRootOf, walkTenantCharter } from "../../src/client/charter.js";
import { registerPasskey } from "../../src/client/deciding.js";
import { requireValue } from "../../src/client/http/problem.js";
import { readOperator, readSigningKey } from "../../src/configuration/keys.js";
import { hashBlake3Hex } from "../../src/domain/bytes/hash.js";
import type { SigningKey } from "../../src/domain/bytes/signature.js";
import { type CharterEntry, hashEntry, signEntry } from "../../src/domain/charter/entry.js";
import type { CharterState } from "../../src/domain/charter/state.js";
import { toStagingKey } from "../../src/domain/storage-key.js";
import { openDatabase } from "../../src/lab256/database/database.js";
import { verifyProjections } from "../../src/lab256/ledger/verify-projections.js";
import { DEMO_TENANT, OTHER_TENANT } from "../../src/stack/founding/demo-tenants.js";
import { readDefaultPolicy } from "../../src/stack/founding/policy.js";
import { changeActor, changeMembers, changePerson, readFoundingKey, signChange } from "../harness/charter.js";
import { countPasskeys } from "../harness/passkeys.js";
import { type ServedRegistry, startRegistryInProcess } from "../harness/registry.js";

const TENANT = DEMO_TENANT;
/** The longest delay until an api notices a change. */
const NOTICED_MS = 10_000;

let registry: ServedRegistry;
beforeAll(async () => {
  registry = await startRegistryInProcess({ name: "charter-entries" });
});
afterAll(() => registry?.stop());

const readActor = async (actorId: string) =>
  (await registry.as("admin").listActors().read()).find((actor) => actor["actor_id"] === actorId);
const readVersion = async () => requireValue(await registry.as("admin").readCharter()).version;

/** Signs, with the tenant's key or another one, an entry that disables Carol. */
async function signDisabling(key?: SigningKey): Promise<CharterEntry> {
  const signed = await signChange(registry, TENANT, (state) => ({
    jobType: "registry.members.change",
    params: { persons: { "person:carol": { ...requirePerson(state, "person:carol"), disabled: true } }, actors: {} },
  }));
  if (signed === undefined) throw new Error("Nothing was signed.");
  const { authority: _, ...unsigned } = signed;
  return key === undefined ? signed : signEntry(unsigned, key);
}

function requirePerson(state: CharterState, id: string) {
  const person = state.find("person", id);
  if (person === undefined) throw new Error(`The charter has no ${id}.`);
  return person;
}

it("an entry that a member sends changes the members, and the ledger keeps it whole", async () => {
  const { actor_id } = registry.getActor("builder");
  const before = await readVersion();
  const offices = [{ office_id: "office::default", roles: ["reader"] }];
  await changeActor(registry, registry.getActor("builder"), (actor) => ({ ...actor, name: "Builder 2", offices }));
  expect(await readVersion()).toBe(before + 1);
  expect(await readActor(actor_id)).toMatchObject({ display_name: "Builder 2", offices });
  const { entry_hash } = requireValue(await registry.as("admin").readCharter()) as unknown as { entry_hash: string };
  const entries = await registry.as("admin").listLedgerEntries().read();
  const recorded = entries.findLast(({ type }) => type === "member.changed")?.payload as { entry: CharterEntry; entry_hash: string };
  expect([recorded.entry_hash, hashEntry(recorded.entry)]).toEqual([entry_hash, entry_hash]);
  expect(entries[0]?.type).toBe("charter.founded");
});

it("a new person and their agent become members without a token", async () => {
  const person = { name: "Dora", emails: ["dora@ubl.example"], passkeys: [], disabled: false };
  const agent = { person_id: "person:dora", name: "Dora's agent", offices: [], disabled: false };
  await changeMembers(registry, TENANT, () => ({
    persons: { "person:dora": person },
    actors: { "ubl:sid:person:dora": { ...agent, name: "Dora" }, "ubl:sid:agent:dora": agent },
  }));
  expect(await readActor("ubl:sid:agent:dora")).toMatchObject({ person_id: "person:dora", disabled: false, offices: [] });
  const db = openDatabase(registry.databaseUrl, { maxConnections: 2 });
  try {
    expect(await db.selectFrom("tokens").select("name").where("actor_id", "like", "%dora").execute()).toEqual([]);
    expect(await verifyProjections(db, TENANT)).toMatchObject({ ok: true });
  } finally {
    await db.destroy();
  }
});

it("an office that is removed is no longer held, and one that ends is held until then", async () => {
  const { actor_id } = registry.getActor("ci");
  const holding = (until?: number) => ({ office_id: "office:security", roles: [], ...(until === undefined ? {} : { until }) });
  const hold = (until?: number) => changeActor(registry, registry.getActor("ci"), (actor) => ({ ...actor, offices: [holding(until)] }));
  await hold(Date.now() + 600_000);
  expect(await readActor(actor_id)).toMatchObject({ offices: [{ office_id: "office:security" }] });
  await hold(Date.now() - 1);
  expect(await readActor(actor_id)).toMatchObject({ offices: [] });
});

it("a registered passkey counts once the charter names it, and no longer when it is removed", async () => {
  const bob = registry.as("bob");
  await registerPasskey(bob, registry.openPasskeys("bob"), "Laptop");
  const readPasskeys = async () => requireValue(await bob.listPasskeys()).map(({ counts, disabled }) => ({ counts, disabled }));
  expect(await readPasskeys()).toEqual([{ counts: false, disabled: false }]);
  await countPasskeys(registry, bob);
  expect(await readPasskeys()).toEqual([{ counts: true, disabled: false }]);
  await changePerson(registry, registry.getActor("bob"), (person) => ({ ...person, passkeys: [] }));
  expect(await readPasskeys()).toEqual([{ counts: false, disabled: true }]);
});

it("a disabled person is refused, as are their agents, until they are enabled again", async () => {
  const [ana, builder] = [registry.getActor("admin"), registry.as("builder")];
  const setDisabled = (disabled: boolean) => changePerson(registry, ana, (person) => ({ ...person, disabled }));
  expect((await builder.readTenant()).status).toBe(200);
  await setDisabled(true);
  await expect.poll(async () => (await builder.readTenant()).status, { timeout: NOTICED_MS }).toBe(401);
  await expect.poll(async () => (await registry.as("admin").readTenant()).status, { timeout: NOTICED_MS }).toBe(401);
  await setDisabled(false);
  await expect.poll(async () => (await builder.readTenant()).status, { timeout: NOTICED_MS }).toBe(200);
});

describe("the operator's charter", () => {
  const operator = () => readOperator(registry.founded.keys.operatorLab256);

  it("is read by the members of a tenant that rests on its keys, who verify their own from the operator's founding key", async () => {
    const olga = registry.as("olga", OTHER_TENANT);
    const root = await readRootOf(olga, operator());
    const { walk, outcome } = await walkTenantCharter(olga, root);
    expect(outcome).toMatchObject({ ok: true });
    expect(walk.newest.versions).toEqual({ charter_version: walk.version, operator_version: await readVersion() });
    expect(walk.newest.listKeys("permit").keys).toEqual([readSigningKey(registry.founded.keys.permit).jwk]);
    expect(await readNamedRoot(olga)).toEqual(root);
  });

  // LAB 256 shows a charter that it made up.
  it("does not verify from another founding key, and gives no keys to who keeps the tenant's founding key alone", async () => {
    const olga = registry.as("olga", OTHER_TENANT);
    const { jwk } = readFoundingKey(registry, OTHER_TENANT);
    await expect(readRootOf(olga, { ...operator(), founding_jwk: jwk })).rejects.toThrow(/not signed by the tenant's founding key/);
    const { walk } = await walkTenantCharter(olga, { founding_jwk: jwk, operator: null });
    expect(walk.newest.listKeys("permit").keys).toEqual([]);
  });

  it("is not read by who has no token of such a tenant, and shows no staged policy", async () => {
    const olga = registry.as("olga", OTHER_TENANT);
    const admin = registry.as("admin");
    const { policy_hash } = requireValue(await admin.readCharter());
    expect(await olga.readPolicy(policy_hash, "operator")).toMatchObject({ ok: true });
    await expect(admin.listCharterEntries("operator").read()).rejects.toMatchObject({ problem: { status: 404 } });
    const staged = Buffer.concat([await readDefaultPolicy(), Buffer.of(0, 2, 1, 0x78)]);
    const hash = hashBlake3Hex(staged);
    await registry.store.blobs.create(toStagingKey(TENANT, hash), staged);
    expect(await admin.readPolicy(hash)).toMatchObject({ ok: true });
    expect(await olga.readPolicy(hash, "operator")).toMatchObject({ ok: false, status: 404 });
    const address = new URL(`/v1/charter/entries?tenant_id=${OTHER_TENANT}&charter=operator`, registry.url);
    expect((await fetch(address)).status).toBe(401);
    const { token } = registry.getActor("admin");
    expect((await fetch(address, { headers: { authorization: `Bearer ${token}` } })).status).toBe(404);
  });
});

describe("an attacker cannot change the charter", () => {
  /** Sends an entry as the attacker's token of this tenant. */
  const send = (entry: CharterEntry, name = "carol", tenant?: string) => registry.as(name, tenant).appendCharterEntry(entry);

  it.each([
    ["another tenant's founding key", () => readFoundingKey(registry, OTHER_TENANT)],
    ["LAB 256's permit key", () => readSigningKey(registry.founded.keys.permit)],
    ["LAB 256's statement key", () => readSigningKey(registry.founded.keys.statement)],
    ["the Runner's receipt key", () => readSigningKey(registry.founded.keys.receipt)],
  ])("with an entry signed by %s", async (_, readKey) => {
    const before = await readVersion();
    const answer = await send(await signDisabling(readKey()));
    expect(answer).toMatchObject({ ok: false, status: 403, problem: { code: "charter_invalid" } });
    expect(await readVersion()).toBe(before);
  });

  it("with a token of another tenant, even for an entry that the founding key signed", async () => {
    const before = await readVersion();
    expect((await send(await signDisabling(), "olga", OTHER_TENANT)).status).toBe(404);
    expect(await readVersion()).toBe(before);
  });

  it("by winning against another entry more than once", async () => {
    const before = await readVersion();
    const rivals = await Promise.all(
      ["Carol 1", "Carol 2", "Carol 3"].map((name) =>
        signChange(registry, TENANT, (state) => ({
          jobType: "registry.members.change",
          params: { persons: { "person:carol": { ...requirePerson(state, "person:carol"), name } }, actors: {} },
        })),
      ),
    );
    const answers = await Promise.all(rivals.map((entry) => send(entry as CharterEntry)));
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 409, 409]);
    const won = rivals[answers.findIndex(({ ok }) => ok)] as CharterEntry;
    expect((await send(won)).status).toBe(201);
    expect(await readVersion()).toBe(before + 1);
  });
});
