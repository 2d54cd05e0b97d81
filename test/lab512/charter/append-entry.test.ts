import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Charters } from "../../../src/decision/charter/charters.js";
import { toCanonicalBytes } from "../../../src/domain/bytes/canonical.js";
import { hashBlake3Hex } from "../../../src/domain/bytes/hash.js";
import type { CharterChange } from "../../../src/domain/charter/change.js";
import { type CharterEntry, hashEntry, signEntry } from "../../../src/domain/charter/entry.js";
import type { Person } from "../../../src/domain/charter/records.js";
import { toCharterKey, toPolicyBytesKey, toStagingKey } from "../../../src/domain/storage-key.js";
import { appendEntry } from "../../../src/lab512/charter/append-entry.js";
import { readDefaultPolicy } from "../../../src/stack/founding/policy.js";
import { openStore } from "../../../src/storage/open.js";
import type { ObjectStore } from "../../../src/storage/ports.js";
import { ActWorld, changeMembers } from "../../decision/charter/acts.js";
import { buildFounding, buildPasskey, buildPerson, CharterWriter, permitKey, TENANT } from "../../decision/charter/charters.js";
import { createTestKey } from "../../domain/samples.js";
import { buildPolicyWith, replaceLevel } from "../../harness/policies.js";

let folder: string;
let store: ObjectStore;
let writer: CharterWriter;
/** The change of version 1. */
let founded: CharterChange;
const otherFounder = createTestKey();

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "ogr-append-"));
  store = await openStore({ kind: "directory", path: folder });
  writer = new CharterWriter();
  const policy = await readDefaultPolicy();
  const policy_hash = hashBlake3Hex(policy);
  const founding = buildFounding();
  founded = { ...founding, params: { ...founding.params, policy_hash } } as CharterChange;
  await store.blobs.create(toPolicyBytesKey(TENANT, policy_hash), policy);
  await store.blobs.create(toCharterKey(TENANT, 1), toCanonicalBytes(writer.append(founded)));
});
afterEach(async () => {
  await store.close();
  await rm(folder, { recursive: true });
});

const change = (persons: Readonly<Record<string, Person>>): CharterChange => ({
  jobType: "registry.members.change",
  params: { persons, actors: {} },
});
const disable = (name: string) => change({ [`person:${name}`]: buildPerson(name, { disabled: true }) });

/** Opens a Runner, which has read nothing yet. */
function openRunner() {
  const charters = new Charters(store, { tenant_id: TENANT, founding_jwk: writer.key.jwk });
  return { append: (entry: unknown) => appendEntry({ store, charters }, entry) };
}
const append = (entry: unknown) => openRunner().append(entry);
const readStored = async (version: number): Promise<string | undefined> => {
  const bytes = await store.blobs.get(toCharterKey(TENANT, version));
  return bytes && Buffer.from(bytes).toString("utf8");
};
const toText = (entry: CharterEntry) => Buffer.from(toCanonicalBytes(entry)).toString("utf8");

/** Expects that the entry is denied and that the charter stays as it is. */
async function expectDenied(entry: unknown, code: string, why: RegExp): Promise<void> {
  const before = await Promise.all([1, 2, 3, 4].map(readStored));
  expect(await append(entry)).toMatchObject({ ok: false, denial: { code, message: expect.stringMatching(why) } });
  expect(await Promise.all([1, 2, 3, 4].map(readStored))).toEqual(before);
}

describe("an entry signed by the founding key", () => {
  it("is appended, and sent again it is a success that changes nothing", async () => {
    const entry = writer.append(disable("bob"));
    const appended = { ok: true, value: { version: 2, entry_hash: hashEntry(entry) } };
    expect(await append(entry)).toEqual(appended);
    expect(await append(entry)).toEqual(appended);
    expect(await readStored(2)).toBe(toText(entry));
    const next = writer.append(disable("carol"));
    expect(await append(next)).toMatchObject({ ok: true, value: { version: 3 } });
    // A retry that arrives after a later entry.
    expect(await append(entry)).toEqual(appended);
  });

  it("is appended exactly once if several are sent at the same time, by one Runner or by two", async () => {
    const rivals = ["ana", "bob", "carol"].map((name) => {
      const rival = new CharterWriter(writer.key);
      rival.append(founded);
      return rival.append(disable(name));
    });
    const [one, two] = [openRunner(), openRunner()];
    const outcomes = await Promise.all([...rivals.map(one.append), ...rivals.map(two.append)]);
    const stored = await readStored(2);
    const winner = rivals.findIndex((rival) => toText(rival) === stored);
    outcomes.forEach((outcome, n) => {
      if (n % rivals.length === winner) expect(outcome).toMatchObject({ ok: true });
      else
        expect(outcome).toMatchObject({ ok: false, denial: { code: "charter_changed", message: expect.stringContaining("as version 3") } });
    });
  });

  it("is appended by the retry of an attempt whose result was lost", async () => {
    const entry = writer.append(disable("bob"));
    const lost = {
      ...store,
      blobs: {
        ...store.blobs,
        stat: store.blobs.stat.bind(store.blobs),
        get: store.blobs.get.bind(store.blobs),
        async create(key: string, bytes: Uint8Array) {
          await store.blobs.create(key, bytes);
          throw new Error("connection lost");
        },
      },
    } as unknown as ObjectStore;
    const charters = new Charters(store, { tenant_id: TENANT, founding_jwk: writer.key.jwk });
    await expect(appendEntry({ store: lost, charters }, entry)).rejects.toThrow("connection lost");
    expect(await appendEntry({ store, charters }, entry)).toMatchObject({ ok: true, value: { version: 2 } });
  });

  describe("that publishes a policy", () => {
    let policy: Uint8Array;
    const publish = (bytes: Uint8Array) =>
      writer.append({ jobType: "registry.policy.publish", params: { policy_hash: hashBlake3Hex(bytes) } });
    const isKept = async () => (await store.blobs.stat(toPolicyBytesKey(TENANT, hashBlake3Hex(policy)))) !== undefined;
    beforeEach(async () => {
      policy = await buildPolicyWith((data) => replaceLevel(data, "L1", { permit_ttl_ms: 60_000 }));
    });

    it("stores its staged bytes under the policy's own key, and is denied without any", async () => {
      const entry = publish(policy);
      await expectDenied(entry, "charter_invalid", /is missing; stage the policy's bytes/);
      await store.blobs.create(toStagingKey(TENANT, hashBlake3Hex(policy)), policy);
      expect(await append(entry)).toMatchObject({ ok: true });
      expect(await isKept()).toBe(true);
    });

    // LAB 256 can exchange staged bytes. Kept under this hash, they would end every decision in the tenant for good.
    it("is denied if other bytes are staged under its hash, and they are not kept", async () => {
      await store.blobs.create(toStagingKey(TENANT, hashBlake3Hex(policy)), await buildPolicyWith((data) => data));
      await expectDenied(publish(policy), "policy_not_current", /stored bytes of policy .* have another hash/);
      expect(await isKept()).toBe(false);
    });

    it("is denied if its bytes are no policy", async () => {
      const text = Buffer.from("a policy");
      await store.blobs.create(toStagingKey(TENANT, hashBlake3Hex(text)), text);
      await expectDenied(publish(text), "charter_invalid", /do not begin like a WebAssembly module/);
    });
  });
});

// Everybody who reaches Temporal can have the Runner append an entry.
describe("an entry by an attacker is denied:", () => {
  it("signed by another tenant's founding key", async () => {
    const entry = writer.append(disable("bob"));
    const { authority: _, ...unsigned } = entry;
    await expectDenied(signEntry(unsigned, otherFounder), "charter_invalid", /not signed by the tenant's founding key/);
  });

  it("signed by a key of LAB 256", async () => {
    const { authority: _, ...unsigned } = writer.append(disable("bob"));
    await expectDenied(signEntry(unsigned, permitKey), "charter_invalid", /not signed by the tenant's founding key/);
  });

  it("with the founding key's signature over another change", async () => {
    const entry = writer.append(disable("bob"));
    await expectDenied({ ...entry, change: disable("carol") }, "charter_invalid", /not signed/);
  });

  it("for another tenant's charter", async () => {
    const entry = writer.append(disable("bob"));
    await expectDenied({ ...entry, tenant_id: "T.OTHER" }, "tenant_unknown", /not a tenant of this registry/);
  });

  it("after the seal, though signed by the founding key", async () => {
    const world = await ActWorld.open();
    writer = world.writer;
    await store.close();
    store = await openStore({ kind: "directory", path: join(folder, "sealed") });
    for (const [hash, bytes] of world.policyBytes) await store.blobs.create(toPolicyBytesKey(TENANT, hash), bytes);
    await store.blobs.create(toCharterKey(TENANT, 1), toCanonicalBytes(writer.entries[0]));
    expect(await append(writer.append({ jobType: "registry.charter.seal", params: {} }))).toMatchObject({
      ok: true,
      value: { version: 2 },
    });
    await expectDenied(writer.append(disable("bob")), "charter_invalid", /after the seal/);
  });

  // The approvals of a card that was withdrawn are still known to every member.
  it("of an act, which the Runner appends itself by its command", async () => {
    const world = await ActWorld.open();
    const entry = await world.buildEntry(changeMembers({ persons: { "person:dan": world.buildPerson("dan", { disabled: true }) } }), {
      approvers: ["bob"],
    });
    await expectDenied(entry, "charter_invalid", /are acts: open a card/);
  });

  it("with a gap before it", async () => {
    writer.append(disable("bob"));
    await expectDenied(writer.append(disable("carol")), "charter_invalid", /states version 3/);
  });

  it("on a fork", async () => {
    const fork = new CharterWriter(writer.key);
    fork.append(buildFounding(["ana", "bob", "carol", "mallory"]));
    await expectDenied(fork.append(disable("bob")), "charter_invalid", /does not follow the previous entry/);
  });

  it("that founds the charter again", async () => {
    const again = new CharterWriter(writer.key);
    await expectDenied(again.append(buildFounding(["mallory"])), "charter_changed", /another entry/);
  });

  it("of an earlier version with other content", async () => {
    expect(await append(writer.append(disable("bob")))).toMatchObject({ ok: true });
    const rival = new CharterWriter(writer.key);
    rival.append(founded);
    await expectDenied(rival.append(disable("carol")), "charter_changed", /another entry/);
  });

  it("that does not lead to the state that it names", async () => {
    const entry = writer.sign({ change: disable("bob"), state_hash: "0".repeat(64) });
    await expectDenied(entry, "charter_invalid", /does not lead to the state/);
  });

  it("with a passkey of a relying party that the charter does not name", async () => {
    const passkeys = [...buildPerson("bob").passkeys, buildPasskey("bob-3", { relying_party: "evil.example" })];
    const entry = writer.sign({ change: change({ "person:bob": buildPerson("bob", { passkeys }) }) });
    await expectDenied(entry, "charter_invalid", /not a relying party of this charter/);
  });

  it("that gives one passkey to two persons", async () => {
    const shared = [...buildPerson("bob").passkeys, ...buildPerson("ana").passkeys];
    const entry = writer.sign({ change: change({ "person:bob": buildPerson("bob", { passkeys: shared }) }) });
    await expectDenied(entry, "charter_invalid", /have the same passkey/);
  });

  it("that puts another key under a known credential id", async () => {
    const [first, ...others] = buildPerson("bob").passkeys;
    const passkeys = [buildPasskey("bob-1", { ...first, public_key: "AAAA" }), ...others];
    const entry = writer.sign({ change: change({ "person:bob": buildPerson("bob", { passkeys }) }) });
    await expectDenied(entry, "charter_invalid", /another key under the same id/);
  });

  it("that is no entry", async () => {
    for (const candidate of [null, 1, {}, { ...writer.append(disable("bob")), extra: 1 }])
      await expectDenied(candidate, "charter_invalid", /malformed/);
  });
});
