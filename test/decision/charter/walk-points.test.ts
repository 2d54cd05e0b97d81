import { beforeEach, describe, expect, it } from "vitest";
import { Charters } from "../../../src/decision/charter/charters.js";
import { buildNextEntry, signNextEntry } from "../../../src/decision/charter/next-entry.js";
import type { CharterWalk } from "../../../src/decision/charter/walk.js";
import { buildFullAllowance } from "../../../src/domain/act/full-allowance.js";
import { toCanonicalBytes } from "../../../src/domain/bytes/canonical.js";
import type { SigningKey } from "../../../src/domain/bytes/signature.js";
import { signAnnouncement } from "../../../src/domain/charter/announcement.js";
import type { AnnouncedChange, CharterChange } from "../../../src/domain/charter/change.js";
import { signEntry } from "../../../src/domain/charter/entry.js";
import { foundingEntrySchema } from "../../../src/domain/charter/founding.js";
import type { Recovery } from "../../../src/domain/charter/recovery.js";
import { CharterState } from "../../../src/domain/charter/state.js";
import { type SignedPoint, signedPointSchema, type WalkPoint } from "../../../src/domain/charter/walk-point.js";
import { createTestKey } from "../../domain/samples.js";
import { NOW_MS, toPersonId } from "../judging.js";
import { ActWorld, changeMembers } from "./acts.js";
import { buildFounding, buildPerson, CharterWriter, receiptKey, TENANT } from "./charters.js";
import { describeWalk, MemoryPoints, RELEASE, signPoint } from "./points.js";

const ownKey = createTestKey();

describe("a process that starts again", () => {
  let writer: CharterWriter;
  let store: MemoryPoints;
  beforeEach(() => {
    writer = startCharter();
    store = new MemoryPoints();
    appendUntil(70);
  });

  function startCharter(key?: SigningKey): CharterWriter {
    const started = new CharterWriter(key);
    started.append(buildFounding());
    return started;
  }

  function appendUntil(version: number, name = "bob"): void {
    for (let next = writer.entries.length + 1; next <= version; next += 1)
      writer.append(changeMembers({ persons: { "person:bob": buildPerson("bob", { emails: [`${name}-${next}@example.com`] }) } }));
  }

  /** Opens a process, which reads a charter for the first time. `asked` are the versions that it reads. */
  async function start({ key = ownKey, release = RELEASE, tenant = TENANT } = {}) {
    const asked: number[] = [];
    const points = store.open(key, release);
    const get = async (path: string) => {
      const version = Number(/(\d+)\.json$/.exec(path)?.[1]);
      asked.push(version);
      return writer.read(version);
    };
    const charters = new Charters(
      { blobs: { get, stat: async () => undefined } },
      { tenant_id: tenant, founding_jwk: writer.key.jwk },
      points,
    );
    const newest = await charters.readNewest(tenant);
    await points.settle();
    return { charters, asked, newest, points };
  }

  const slot = `${TENANT}/${ownKey.kid}`;
  const readPoint = (): SignedPoint => signedPointSchema.parse(JSON.parse(Buffer.from(store.points.get(slot) ?? []).toString("utf8")));
  const unsign = ({ kid: _, sig: __, ...point }: SignedPoint): WalkPoint & { release: string } => point;

  it("reads the entries after the point that it kept, and finds the same", async () => {
    const first = await start();
    expect(first.asked).toHaveLength(71);
    const second = await start();
    expect(second.asked).toEqual([71]);
    expect(JSON.stringify(second.newest)).toBe(JSON.stringify(first.newest));
    appendUntil(71);
    expect(await second.charters.readNewest(TENANT)).toMatchObject({ value: { version: 71 } });
    expect((await start()).newest).toMatchObject({ value: { version: 71, state_hash: writer.state.hash } });
    expect(readPoint().version).toBe(70);
    expect(store.faults).toEqual([]);
  });

  it("keeps a point for every 64 entries, and none of a small charter", async () => {
    writer = startCharter();
    const { charters, points } = await start();
    const versions = [];
    for (const version of [63, 64, 65, 127, 128]) {
      appendUntil(version);
      await charters.readNewest(TENANT);
      await points.settle();
      versions.push(store.points.size === 0 ? null : readPoint().version);
    }
    expect(versions).toEqual([null, 64, 64, 64, 128]);
  });

  // The store is restored from an old backup, in which Bob still has the address under which he wrote the commits.
  it("does not go back where the store lost the newest entry, nor follow another one", async () => {
    await start();
    const lost = writer.entries.pop();
    expect((await start()).newest).toMatchObject({ value: { version: 70, state_hash: lost?.state_hash } });
    store.points.clear();
    expect((await start()).newest).toMatchObject({ value: { version: 69 } });
  });

  it("refuses a chain that forked before its point", async () => {
    await start();
    writer = startCharter(writer.key);
    appendUntil(71, "robert");
    expect((await start()).newest).toMatchObject({ ok: false, denial: { code: "charter_invalid" } });
  });

  it("reads all later entries from a point of an older backup", async () => {
    await start();
    const old = store.points.get(slot);
    appendUntil(140);
    await start();
    if (old !== undefined) store.points.set(slot, old);
    const { asked, newest } = await start();
    expect([asked[0], newest]).toMatchObject([71, { value: { version: 140, state_hash: writer.state.hash } }]);
  });

  /** Adds Mallory, with the hash of the state that has her. */
  function forge(point: WalkPoint & { release: string }): WalkPoint & { release: string } {
    const mallory = { kind: "person" as const, id: "person:mallory", value: buildPerson("mallory") };
    const records = [...point.records, mallory];
    const state = new CharterState();
    state.write(records);
    return { ...point, records, state_hash: state.hash };
  }
  const otherKey = createTestKey();
  const asOwn = { ...otherKey, kid: ownKey.kid };
  it.each<[string, (point: WalkPoint & { release: string }) => Uint8Array]>([
    ["is not JSON", () => Buffer.from("{")],
    ["is signed by another key of the charter", (point) => signPoint(forge(point), receiptKey)],
    ["is signed by another key that names its id", (point) => signPoint(forge(point), asOwn)],
    [
      "was changed after it was signed",
      (point) => Buffer.from(Buffer.from(signPoint(point, ownKey)).toString().replaceAll("bob-70@", "eve@")),
    ],
    ["is signed as an object of another kind", (point) => signPoint(point, ownKey, "receipt")],
    ["is about another tenant", (point) => signPoint({ ...point, tenant_id: "T.OTHER" }, ownKey)],
    ["begins at another founding key", (point) => signPoint({ ...point, founding_jwk: createTestKey().jwk }, ownKey)],
    ["has other rules", (point) => signPoint({ ...point, rules: point.rules + 1 }, ownKey)],
    ["is by another release", (point) => signPoint({ ...point, release: "0.9.0" }, ownKey)],
    ["has a state of another hash", (point) => signPoint({ ...forge(point), state_hash: point.state_hash }, ownKey)],
    ["lacks a member", ({ acts: _, ...point }) => signPoint(point as unknown as WalkPoint, ownKey)],
    ["has an unknown member", (point) => signPoint({ ...point, extra: 1 } as WalkPoint, ownKey)],
  ])("walks from the founding key if the point %s", async (_, change) => {
    const first = await start();
    store.points.set(slot, change(unsign(readPoint())));
    const { asked, newest } = await start();
    expect(asked).toEqual(first.asked);
    expect(JSON.stringify(newest)).toBe(JSON.stringify(first.newest));
    // The walk has replaced it.
    expect((await start()).asked).toEqual([71]);
  });

  // The table above would pass if every point were ignored, or if its forged records did not matter.
  it("believes a point that it signed itself", async () => {
    await start();
    store.points.set(slot, signPoint(forge(unsign(readPoint())), ownKey));
    const { asked, newest } = await start();
    expect(asked).toEqual([71]);
    expect(newest.ok && newest.value.find("person", "person:mallory")?.name).toBe("mallory");
  });

  it("walks from the founding key with a new key, and if its points cannot be read", async () => {
    await start();
    expect((await start({ key: createTestKey() })).asked).toHaveLength(71);
    store.read = () => Promise.reject(new Error("The store is down."));
    const { asked, newest } = await start();
    expect([asked.length, newest]).toMatchObject([71, { ok: true }]);
    expect(store.faults).toEqual([expect.stringContaining("The store is down.")]);
  });

  it("goes on if a point cannot be written, and says so", async () => {
    store.write = () => Promise.reject(new Error("The store is full."));
    expect((await start()).newest).toMatchObject({ value: { version: 70 } });
    expect(store.faults).toEqual([expect.stringContaining("The store is full.")]);
  });
});

describe("a walk that resumes", () => {
  let world: ActWorld;
  const [second, recoveryKey] = [createTestKey(), createTestKey()];
  const recovery: Recovery = { jwks: [recoveryKey.jwk], threshold: 1, delay_ms: 86_400_000 };

  const found = async (change: CharterChange): Promise<void> => {
    const signed = await signNextEntry(await world.walk(), change, world.writer.key);
    if (!signed.ok) throw new Error(signed.denial.message);
    world.writer.entries.push(signed.value);
  };
  const disable = (name: "carol" | "dan") =>
    changeMembers({ persons: { [toPersonId(name)]: world.buildPerson(name, { disabled: true }) } });
  const publish = async (ttl_ms: number): Promise<CharterChange> => ({
    jobType: "registry.policy.publish",
    params: {
      policy_hash: await world.addPolicy((data) => ({
        ...data,
        levels: { ...data.levels, L2: { ...data.levels.L2, permit_ttl_ms: ttl_ms } },
      })),
    },
  });

  function foundTenant(tenant_id: string): CharterChange {
    const writer = new CharterWriter(undefined, tenant_id);
    const founding = buildFounding(["zoe"]);
    if (founding.jobType !== "registry.charter.found") throw new Error("a founding");
    founding.params.policy_hash = world.writer.state.find("policy")?.policy_hash ?? "";
    const entry = foundingEntrySchema.parse(writer.append(founding));
    const params = { tenant_id, founding_jwk: writer.key.jwk, allowance: buildFullAllowance(tenant_id), entry };
    return { jobType: "registry.tenant.found", params };
  }

  async function announce(change: AnnouncedChange): Promise<number> {
    const walk = await world.walk();
    const { signatures, after } = signAnnouncement(
      { tenant_id: TENANT, after: walk.recovery?.entry_hash ?? "", change, signatures: [] },
      recoveryKey,
    );
    const entry = buildNextEntry(walk, { jobType: "registry.recovery.announce", params: { change } }, []);
    await world.append(signEntry(entry, second, { kind: "recovery", after, signatures, seen_at_ms: NOW_MS }));
    return entry.version;
  }

  async function complete(change: AnnouncedChange, version: number): Promise<void> {
    const walk = await world.walk();
    const next = await walk.planNext(change);
    if (!next.ok) throw new Error(next.denial.message);
    const authority = { kind: "announcement" as const, version, seen_at_ms: NOW_MS + recovery.delay_ms };
    await world.append(signEntry(buildNextEntry(walk, change, next.value.writes), second, authority));
  }

  /** Writes a charter that has every kind of entry, by founding key, act and receipt key. */
  async function writeEveryEntry(): Promise<void> {
    world = await ActWorld.open({ tenants: [TENANT] });
    await found(changeMembers({ persons: { [toPersonId("bob")]: world.buildPerson("bob", { emails: ["robert@example.com"] }) } }));
    await found({
      jobType: "registry.keys.rotate",
      params: { add: [{ use: "receipt", jwk: second.jwk, revoked: false }], revoke: [receiptKey.kid], recovery },
    });
    await found(await publish(100_000));
    const webhook = { url: "https://events.example/", types: null, retries_ms: [], disabled: false };
    await world.act({ jobType: "registry.webhooks.change", params: { webhooks: { "wh-a": webhook } } }, { approvers: ["bob"] });
    const end = { jobType: "registry.charter.end_act", params: { jti: "0b9f1a52-7c1e-4c4d-9d0a-3f6a5c2e8b11" } } as const;
    await world.append(signEntry(buildNextEntry(await world.walk(), end, []), second, { kind: "receipt" }));
    await world.act(disable("dan"), { approvers: ["bob"] });
    await world.act(await publish(110_000));
    await world.act(changeMembers({ persons: { [toPersonId("dan")]: world.buildPerson("dan") } }));
    await world.act(foundTenant("T.ACME"));
    await world.act({ jobType: "registry.charter.seal", params: {} });
    const eve = changeMembers({ persons: { [toPersonId("eve")]: world.buildPerson("eve", { name: "Eva" }) } }) as AnnouncedChange;
    const version = await announce(eve);
    await world.act(disable("dan"), { approvers: ["bob"] });
    await complete(eve, version);
  }

  const walkTo = async (walk: CharterWalk, version: number): Promise<CharterWalk> => {
    const outcome = await walk.advance(async (next) => (next > version ? undefined : world.writer.read(next)));
    if (!outcome.ok) throw new Error(outcome.denial.message);
    return walk;
  };

  it("is like one from the founding key, from every version of a charter with every kind of entry", async () => {
    await writeEveryEntry();
    const { entries } = world.writer;
    expect(new Set(entries.map(({ change }) => change.jobType)).size).toBe(9);
    expect(new Set(entries.map(({ authority }) => authority.kind)).size).toBe(5);
    const full = await world.walk();
    for (let version = 1; version <= entries.length; version += 1) {
      const store = new MemoryPoints();
      const before = await walkTo(world.openWalk(), version);
      await store.write(TENANT, ownKey.kid, signPoint(before.toPoint(), ownKey));
      const resumed = world.openWalk();
      await store.open(ownKey).resume(resumed);
      expect(resumed.version).toBe(version);
      expect(describeWalk(resumed)).toEqual(describeWalk(before));
      await walkTo(resumed, entries.length);
      expect(describeWalk(resumed)).toEqual(describeWalk(full));
    }
  });

  // A Runner starts between two acts, and would otherwise use Bob's approval once more, or let two be disabled at L4.
  it("refuses an act that changed the charter before, and knows that power was taken", async () => {
    world = await ActWorld.open();
    const again = { approvers: ["bob"], card_id: "k-again" } as const;
    await world.act(disable("dan"), again);
    const taken = await resumeAt(2);
    expect(await taken.planNext(disable("carol"))).toMatchObject({ value: { planned: { level: "L5" } } });
    await world.act(changeMembers({ persons: { [toPersonId("dan")]: world.buildPerson("dan") } }));
    const { authority } = world.writer.entries[1] ?? {};
    const entry = await world.buildEntry(disable("dan"), again);
    if (authority === undefined) throw new Error("no act");
    expect(await (await resumeAt(3)).checkNext(toCanonicalBytes({ ...entry, authority }))).toMatchObject({
      denial: { message: expect.stringMatching(/was carried out or ended by version 2/) },
    });
  });

  async function resumeAt(version: number): Promise<CharterWalk> {
    const resumed = world.openWalk();
    const {
      kid: _,
      sig: __,
      release: ___,
      ...point
    } = signedPointSchema.parse(JSON.parse(Buffer.from(signPoint((await walkTo(world.openWalk(), version)).toPoint(), ownKey)).toString()));
    expect(resumed.resume(point)).toBe(true);
    return resumed;
  }

  it("has not begun", async () => {
    world = await ActWorld.open();
    const walk = await world.walk();
    expect(() => walk.resume(walk.toPoint())).toThrow(/has begun/);
  });
});
