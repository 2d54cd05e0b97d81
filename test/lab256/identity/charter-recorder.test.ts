import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { Charters } from "../../../src/decision/charter/charters.js";
import { WalkPoints } from "../../../src/decision/charter/walk-points.js";
import { toCanonicalBytes } from "../../../src/domain/bytes/canonical.js";
import { signAnnouncement } from "../../../src/domain/charter/announcement.js";
import type { ChangeParams } from "../../../src/domain/charter/change.js";
import { type CharterEntry, hashEntry, signEntry } from "../../../src/domain/charter/entry.js";
import { toCharterKey } from "../../../src/domain/storage-key.js";
import { type DbPool, openDatabase } from "../../../src/lab256/database/database.js";
import { migrateDatabase } from "../../../src/lab256/database/migrate.js";
import { findActor } from "../../../src/lab256/identity/actors.js";
import { openPointStore } from "../../../src/lab256/identity/charter-points.js";
import { CharterRecorder } from "../../../src/lab256/identity/charter-recorder.js";
import { listPasskeys } from "../../../src/lab256/identity/passkeys/passkeys.js";
import { createTenant } from "../../../src/lab256/identity/tenants.js";
import { openStore } from "../../../src/storage/open.js";
import type { ObjectStore } from "../../../src/storage/ports.js";
import {
  buildActor,
  buildFounding,
  buildPasskey,
  buildPerson,
  CharterWriter,
  permitKey,
  receiptKey,
} from "../../decision/charter/charters.js";
import { createTestKey } from "../../domain/samples.js";
import { createDatabase } from "../../harness/database.js";

const NOW_MS = Date.UTC(2026, 10, 22);
const BOB = "ubl:sid:person:bob";

let db: DbPool;
let store: ObjectStore;
let writer: CharterWriter;
let tenant: string;
let tenants = 0;
let folder: string;
let close: () => Promise<void>;

beforeAll(async () => {
  const database = await createDatabase("charter-recorder");
  folder = await mkdtemp(join(tmpdir(), "ogr-recorder-"));
  db = openDatabase(database.url, { maxConnections: 5 });
  await migrateDatabase(db);
  store = await openStore({ kind: "directory", path: folder });
  close = async () => {
    await db.destroy();
    await database.drop();
    await store.close();
    await rm(folder, { recursive: true });
  };
});
afterAll(() => close());
beforeEach(async () => {
  // The tests use the same passkeys, and a passkey belongs to one tenant.
  await db.deleteFrom("passkeys").execute();
  tenants += 1;
  tenant = `T.NR${tenants}`;
  writer = new CharterWriter(undefined, tenant);
  await createTenant(db, { tenant_id: tenant, transport: "temporal" });
  await put(writer.append(buildFounding()));
});

const put = (entry: CharterEntry) => store.blobs.create(toCharterKey(tenant, entry.version), toCanonicalBytes(entry));
const change = (params: Partial<ChangeParams<"registry.members.change">>) =>
  put(writer.append({ jobType: "registry.members.change", params: { persons: {}, actors: {}, ...params } }));
const openRecorder = () => {
  const charters = new Charters(store, { tenant_id: tenant, founding_jwk: writer.key.jwk });
  return new CharterRecorder({ db, store, charters, now: () => NOW_MS });
};
const record = () => openRecorder().record(tenant);
const readEvents = async () =>
  (await db.selectFrom("ledger_entries").select("type").where("tenant_id", "=", tenant).orderBy("seq").execute()).map(({ type }) => type);

it("a process that starts later records every entry that was appended by any other way, each once", async () => {
  await change({ actors: { [BOB]: buildActor("person:bob", { offices: [] }) } });
  await put(writer.append({ jobType: "registry.policy.publish", params: { policy_hash: "e".repeat(64) } }));
  expect(await record()).toEqual({ ok: true, value: 3 });
  expect(await readEvents()).toEqual(["charter.founded", "member.changed", "policy.published"]);
  expect(await findActor(db, tenant, BOB)).toMatchObject({ person_id: "person:bob", disabled: false, offices: [] });
  expect(await record()).toEqual({ ok: true, value: 0 });
});

it("what recovery keys announce is an event of its own, which changes no member", async () => {
  const key = createTestKey();
  const recovery = { jwks: [key.jwk], threshold: 1, delay_ms: 86_400_000 };
  const set = writer.append({ jobType: "registry.keys.rotate", params: { add: [], revoke: [], recovery } });
  await put(set);
  const [after, bob] = [hashEntry(set), buildPerson("bob", { disabled: true })];
  const change = { jobType: "registry.members.change", params: { persons: { "person:bob": bob }, actors: {} } } as const;
  const { signatures } = signAnnouncement({ tenant_id: tenant, after, change, signatures: [] }, key);
  const { authority: _, ...entry } = writer.sign({ change: { jobType: "registry.recovery.announce", params: { change } } });
  await put(signEntry(entry, receiptKey, { kind: "recovery", after, signatures, seen_at_ms: NOW_MS }));
  expect(await record()).toEqual({ ok: true, value: 3 });
  expect(await readEvents()).toEqual(["charter.founded", "keys.rotated", "recovery.announced"]);
  expect(await findActor(db, tenant, BOB)).toMatchObject({ disabled: false });
});

it("several processes that record at the same time record each entry once", async () => {
  await change({ actors: { [BOB]: buildActor("person:bob", { disabled: true }) } });
  const recorded = await Promise.all(Array.from({ length: 4 }, record));
  expect(recorded.map((outcome) => (outcome.ok ? outcome.value : -1)).reduce((sum, one) => sum + one)).toBe(2);
  expect(await readEvents()).toEqual(["charter.founded", "member.changed"]);
  expect(await findActor(db, tenant, BOB)).toMatchObject({ disabled: true });
});

it("one process records what is appended later", async () => {
  const recorder = openRecorder();
  expect(await recorder.record(tenant)).toEqual({ ok: true, value: 1 });
  await change({ persons: { "person:bob": buildPerson("bob", { disabled: true }) } });
  expect(await recorder.record(tenant)).toEqual({ ok: true, value: 1 });
  expect(await findActor(db, tenant, BOB)).toMatchObject({ disabled: true });
});

// Ana removes her address, so that she could approve what she wrote under it.
it("a passkey that is removed is disabled, and one that waits to be named stays", async () => {
  await record();
  const waiting = { credential_id: `waiting-${tenant}`, person_id: "person:bob", public_key: Buffer.from("key"), counter: 0 };
  await db
    .insertInto("passkeys")
    .values({ ...waiting, transports: [], name: "waiting", tenant_id: tenant })
    .execute();
  const [first, second] = buildPerson("bob").passkeys.map(({ credential_id }) => credential_id);
  await change({ persons: { "person:bob": buildPerson("bob", { passkeys: [buildPasskey("bob-1")] }) } });
  await record();
  const disabled = new Map((await listPasskeys(db, tenant, "person:bob")).map((one) => [one.credential_id, one.disabled]));
  expect([first, second, waiting.credential_id].map((id) => disabled.get(id ?? ""))).toEqual([false, true, false]);
});

// A tenant's founder names a person of another tenant, to disable that person's passkey or to put another key in its place.
it("another tenant's charter changes no passkey of a person with the same id", async () => {
  await record();
  const [passkey = buildPasskey("bob-1")] = buildPerson("bob").passkeys;
  const victim = tenant;
  const read = () =>
    db
      .selectFrom("passkeys")
      .selectAll()
      .where("tenant_id", "=", victim)
      .where("credential_id", "=", passkey.credential_id)
      .executeTakeFirstOrThrow();
  const before = await read();
  tenant = `T.EVIL${tenants}`;
  writer = new CharterWriter(undefined, tenant);
  await createTenant(db, { tenant_id: tenant, transport: "temporal" });
  const founding = buildFounding(["bob"]);
  if (founding.jobType === "registry.charter.found")
    founding.params.persons["person:bob"] = buildPerson("bob", { passkeys: [{ ...passkey, public_key: "AAAA", name: "evil" }] });
  await put(writer.append(founding));
  await change({ persons: { "person:bob": buildPerson("bob", { passkeys: [] }) } });
  expect(await record()).toEqual({ ok: true, value: 2 });
  expect(await read()).toEqual(before);
});

it("a passkey in the charters of two tenants is known to both, and its removal from one leaves the other", async () => {
  await record();
  const first = tenant;
  const [passkey = buildPasskey("bob-1")] = buildPerson("bob").passkeys;
  const readDisabled = async (tenantId: string) =>
    (await listPasskeys(db, tenantId, "person:bob")).find(({ credential_id }) => credential_id === passkey.credential_id)?.disabled;
  tenant = `T.SECOND${tenants}`;
  writer = new CharterWriter(undefined, tenant);
  await createTenant(db, { tenant_id: tenant, transport: "temporal" });
  await put(writer.append(buildFounding(["bob"])));
  await record();
  expect(await Promise.all([first, tenant].map(readDisabled))).toEqual([false, false]);
  await change({ persons: { "person:bob": buildPerson("bob", { passkeys: [] }) } });
  await record();
  expect(await Promise.all([first, tenant].map(readDisabled))).toEqual([false, true]);
});

it("valid entries before one that does not verify are recorded, and nothing of it", async () => {
  await change({ persons: { "person:bob": buildPerson("bob", { disabled: true }) } });
  await put(writer.sign({ change: { jobType: "registry.charter.seal", params: {} }, state_hash: "0".repeat(64) }));
  expect(await record()).toMatchObject({ ok: false, denial: { code: "charter_invalid" } });
  expect(await readEvents()).toEqual(["charter.founded", "member.changed"]);
});

it("a store that has another charter than the ledger is reported and changes no member", async () => {
  await record();
  await db
    .updateTable("charter_versions")
    .set({ entry_hash: "0".repeat(64) })
    .where("tenant_id", "=", tenant)
    .execute();
  await change({ persons: { "person:bob": buildPerson("bob", { disabled: true }) } });
  await expect(record()).rejects.toThrow("restored from an old backup");
  expect(await findActor(db, tenant, BOB)).toMatchObject({ disabled: false });
});

describe("a process that resumes from a point that LAB 256 kept in the database", () => {
  const POINT_AT = 70;
  beforeEach(async () => {
    for (let n = 1; n < POINT_AT; n += 1) await change({ persons: { "person:bob": buildPerson("bob", { name: `Bob ${n}` }) } });
    const { charters, points } = openCharters();
    expect(await charters.readNewest(tenant)).toMatchObject({ value: { version: POINT_AT } });
    await points.settle();
  });

  /** `asked` are the versions that are read. */
  function openCharters() {
    const asked: number[] = [];
    const get = (path: string) => {
      asked.push(Number(/(\d+)\.json$/.exec(path)?.[1]));
      return store.blobs.get(path);
    };
    const reportFault = (error: unknown) => expect.unreachable(String(error));
    const points = new WalkPoints({ store: openPointStore(db), key: permitKey, release: "1.0.0", reportFault });
    const blobs = { ...store.blobs, get };
    const charters = new Charters({ blobs }, { tenant_id: tenant, founding_jwk: writer.key.jwk }, points);
    return { charters, points, asked, recorder: new CharterRecorder({ db, store: { blobs }, charters, now: () => NOW_MS }) };
  }

  it("records later entries alone if the ledger has all before", async () => {
    await record();
    await change({ persons: { "person:bob": buildPerson("bob", { disabled: true }) } });
    const { recorder, asked } = openCharters();
    expect(await recorder.record(tenant)).toEqual({ ok: true, value: 1 });
    expect(asked).toEqual([POINT_AT, POINT_AT + 1, POINT_AT + 2]);
    expect(await findActor(db, tenant, BOB)).toMatchObject({ disabled: true });
    expect(await readEvents()).toHaveLength(POINT_AT + 1);
  });

  it("records every entry if the ledger lacks that of the point", async () => {
    expect(await openCharters().recorder.record(tenant)).toEqual({ ok: true, value: POINT_AT });
    expect(await readEvents()).toHaveLength(POINT_AT);
  });

  it("reports a store that lost the entry of the point, or has another charter than the ledger", async () => {
    await record();
    await rm(join(folder, toCharterKey(tenant, POINT_AT)));
    await expect(openCharters().recorder.record(tenant)).rejects.toThrow("restored from an old backup");
    await put(writer.entries.at(-1) as CharterEntry);
    await db
      .updateTable("charter_versions")
      .set({ entry_hash: "0".repeat(64) })
      .where("tenant_id", "=", tenant)
      .where("version", "=", POINT_AT)
      .execute();
    await expect(openCharters().recorder.record(tenant)).rejects.toThrow("restored from an old backup");
  });

  it("walks from the founding key if who writes to the database changed the point", async () => {
    const readPoint = async () =>
      (await db.selectFrom("charter_points").select("point").where("tenant_id", "=", tenant).executeTakeFirstOrThrow()).point;
    const point = await readPoint();
    const forged = Buffer.from(point.toString("utf8").replace(`"Bob ${POINT_AT - 1}"`, '"Mallory"'));
    expect(forged.equals(point)).toBe(false);
    await db.updateTable("charter_points").set({ point: forged }).where("tenant_id", "=", tenant).execute();
    const faults: unknown[] = [];
    const points = new WalkPoints({
      store: openPointStore(db),
      key: permitKey,
      release: "1.0.0",
      reportFault: (error) => faults.push(error),
    });
    const charters = new Charters(store, { tenant_id: tenant, founding_jwk: writer.key.jwk }, points);
    const newest = await charters.readNewest(tenant);
    expect(newest.ok && newest.value.find("person", "person:bob")?.name).toBe(`Bob ${POINT_AT - 1}`);
    expect(faults).toHaveLength(1);
    await points.settle();
    expect(await readPoint()).toEqual(point);
  });
});
