import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { computeWrites, PERSONS_MAX } from "../../../src/decision/charter/apply-change.js";
import { CharterWalk } from "../../../src/decision/charter/walk.js";
import { toCanonicalBytes } from "../../../src/domain/bytes/canonical.js";
import type { SigningKey } from "../../../src/domain/bytes/signature.js";
import { signEntry } from "../../../src/domain/charter/entry.js";
import type { Person } from "../../../src/domain/charter/records.js";
import { CharterState } from "../../../src/domain/charter/state.js";
import type { Outcome } from "../../../src/domain/denial.js";
import { createTestKey } from "../../domain/samples.js";
import { chooseRuns } from "../../harness/campaign.js";
import { buildActor, buildFounding, buildPasskey, buildPerson, CharterWriter, POLICY, permitKey, TENANT } from "./charters.js";

const NEW_POLICY = "b".repeat(64);
const publish = (policy_hash: string) => ({ jobType: "registry.policy.publish", params: { policy_hash } }) as const;

function writeCharter(): CharterWriter {
  const writer = new CharterWriter();
  writer.append(buildFounding());
  writer.append(publish(NEW_POLICY));
  writer.append({
    jobType: "registry.members.change",
    params: { persons: { "person:dave": buildPerson("dave") }, actors: { "ubl:sid:person:dave": buildActor("person:dave") } },
  });
  return writer;
}

const walkOf = (writer: CharterWriter) => new CharterWalk(TENANT, writer.key.jwk);

async function expectDenied(writer: CharterWriter, why: RegExp, reached: number): Promise<void> {
  const walk = walkOf(writer);
  const outcome = await walk.advance(writer.read);
  expect(outcome).toMatchObject({ ok: false, denial: { code: "charter_invalid", message: expect.stringMatching(why) } });
  expect(walk.version).toBe(reached);
}

const requireOutcome = <T>(outcome: Outcome<T>): T => {
  if (!outcome.ok) throw new Error(outcome.denial.message);
  return outcome.value;
};

describe("a walk along a charter", () => {
  it("computes the state from the entries and can be continued", async () => {
    const writer = writeCharter();
    const walk = walkOf(writer);
    expect(requireOutcome(await walk.advance(writer.read))).toBe(3);
    expect(walk.state.find("policy")).toEqual({ policy_hash: NEW_POLICY });
    expect(walk.state.find("person", "person:dave")?.name).toBe("dave");
    expect(walk.state.hash).toBe(writer.state.hash);
    expect(requireOutcome(await walk.advance(writer.read))).toBe(0);
    writer.append(publish(POLICY));
    expect(requireOutcome(await walk.advance(writer.read))).toBe(1);
    expect(walk.state.find("policy")).toEqual({ policy_hash: POLICY });
  });

  it("reports an unknown tenant if there is no first entry", async () => {
    expect(await walkOf(new CharterWriter()).advance(async () => undefined)).toMatchObject({ denial: { code: "tenant_unknown" } });
  });

  it("refuses an entry signed by another key", async () => {
    const writer = writeCharter();
    writer.sign({ change: publish(POLICY) }, createTestKey());
    await expectDenied(writer, /not signed by the tenant's founding key/, 3);
  });

  it("refuses an old entry in the place of the newest, so that an old policy cannot return", async () => {
    const writer = writeCharter();
    const [first] = writer.entries;
    if (first === undefined) throw new Error("there is no entry");
    writer.entries.push(first);
    await expectDenied(writer, /it states version 1/, 3);
  });

  it("refuses an entry that follows another entry than the previous one", async () => {
    const [writer, other] = [writeCharter(), new CharterWriter()];
    other.append(buildFounding(["ana", "bob", "mallory"]));
    writer.sign({ change: publish(POLICY), previous: "c".repeat(64) });
    await expectDenied(writer, /does not follow the previous entry/, 3);
  });

  it("refuses a gap", async () => {
    const writer = writeCharter();
    writer.entries.splice(1, 1);
    await expectDenied(writer, /it states version 3/, 1);
  });

  it("refuses an entry of another tenant's charter", async () => {
    const writer = writeCharter();
    writer.sign({ change: publish(POLICY), tenant_id: "T.OTHER" });
    await expectDenied(writer, /belongs to T\.OTHER/, 3);
  });

  it("refuses a change that names a wrong resulting state, and keeps the previous state", async () => {
    const writer = writeCharter();
    const before = writer.state.hash;
    writer.sign({ change: publish(POLICY), state_hash: before });
    const walk = walkOf(writer);
    expect(await walk.advance(writer.read)).toMatchObject({
      ok: false,
      denial: { message: expect.stringContaining("does not lead to the state") },
    });
    expect(walk.state.hash).toBe(before);
  });

  it("refuses unknown rules", async () => {
    const writer = writeCharter();
    writer.sign({ change: publish(POLICY), rules: 2 });
    await expectDenied(writer, /rules 2 are not known here/, 3);
  });

  it("refuses the founding key's signature after the seal", async () => {
    const writer = writeCharter();
    writer.append({ jobType: "registry.charter.seal", params: {} });
    writer.append(publish(POLICY));
    await expectDenied(writer, /signed by the founding key after the seal/, 4);
  });

  it("refuses a second founding", async () => {
    const writer = writeCharter();
    writer.sign({ change: buildFounding(["mallory"]) });
    await expectDenied(writer, /can found a charter/, 3);
  });

  it("refuses a non-canonical encoding: a duplicate member, a space or another order", async () => {
    const writer = writeCharter();
    const text = Buffer.from(toCanonicalBytes(writer.entries[2])).toString("utf8");
    const spellings = [
      text.replace("{", '{"tenant_id":"T.OTHER",'),
      text.replace(":", ": "),
      JSON.stringify(Object.fromEntries(Object.entries(writer.entries[2] ?? {}).reverse())),
    ];
    for (const spelling of spellings) {
      const walk = walkOf(writer);
      const read = async (version: number) => (version === 3 ? Buffer.from(spelling) : writer.read(version));
      expect(await walk.advance(read)).toMatchObject({ ok: false, denial: { message: expect.stringContaining("not canonical JSON") } });
    }
  });

  it("refuses an entry with any changed byte", async () => {
    const writer = writeCharter();
    const entries = await Promise.all([1, 2, 3].map(async (version) => (await writer.read(version)) ?? new Uint8Array()));
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 3 }), fc.nat(), fc.integer({ min: 1, max: 255 }), async (version, place, flip) => {
        const read = async (asked: number) => {
          const bytes = entries[asked - 1];
          if (bytes === undefined || asked !== version) return bytes;
          const changed = Uint8Array.from(bytes);
          const at = place % changed.length;
          changed[at] = (changed[at] ?? 0) ^ flip;
          return changed;
        };
        const walk = walkOf(writer);
        expect((await walk.advance(read)).ok).toBe(false);
        expect(walk.version).toBe(version - 1);
      }),
      chooseRuns(500),
    );
  });
});

type Change = Parameters<CharterWriter["append"]>[0];

describe("the persons of an address", () => {
  const emails = (...addresses: string[]) => ({ emails: addresses });
  const changePerson = (writer: CharterWriter, name: string, changes: Partial<Person>) =>
    writer.append({
      jobType: "registry.members.change",
      params: { persons: { [`person:${name}`]: buildPerson(name, changes) }, actors: {} },
    });
  const readPersons = async (writer: CharterWriter, addresses: readonly string[]) => {
    const walk = new CharterWalk(writer.tenant_id, writer.key.jwk);
    requireOutcome(await walk.advance(writer.read));
    return walk.listPersonsByEmail(addresses);
  };

  it("are found in any letter case and with spaces around it, each once and in order", async () => {
    const addresses = ["BOB@example.COM", " ana@Example.com ", "ana@example.com", "nobody@example.com", ""];
    expect(await readPersons(writeCharter(), addresses)).toEqual(["person:ana", "person:bob"]);
    expect(await readPersons(writeCharter(), [])).toEqual([]);
  });

  it("are all those for whom it was ever verified, also after a version that removes it or disables them", async () => {
    const writer = writeCharter();
    changePerson(writer, "bob", emails("shared@example.com"));
    changePerson(writer, "carol", emails("shared@example.com", "carol@example.com"));
    changePerson(writer, "bob", emails());
    changePerson(writer, "carol", { disabled: true, ...emails() });
    expect(await readPersons(writer, ["bob@example.com"])).toEqual(["person:bob"]);
    expect(await readPersons(writer, ["shared@example.com"])).toEqual(["person:bob", "person:carol"]);
  });

  it("are only those of the same tenant", async () => {
    const other = new CharterWriter(undefined, "T.OTHER");
    other.append(buildFounding(["mallory"]));
    expect(await readPersons(other, ["ana@example.com", "mallory@example.com"])).toEqual(["person:mallory"]);
    expect(await readPersons(writeCharter(), ["ana@example.com", "mallory@example.com"])).toEqual(["person:ana"]);
  });

  it("are not those of a change that was refused", async () => {
    const writer = writeCharter();
    const mallory = { "person:mallory": buildPerson("mallory") };
    const change = { jobType: "registry.members.change", params: { persons: mallory, actors: {} } } as const;
    writer.sign({ change, state_hash: "0".repeat(64) });
    const walk = walkOf(writer);
    expect(await walk.advance(writer.read)).toMatchObject({ ok: false });
    expect(walk.listPersonsByEmail(["mallory@example.com"])).toEqual([]);
  });
});

describe("the rules of a charter's changes", () => {
  /** Expects that the rules refuse a validly signed change. */
  async function expectRuledOut(change: Change, why: RegExp): Promise<void> {
    const writer = writeCharter();
    writer.sign({ change });
    await expectDenied(writer, why, 3);
  }
  const change = (params: { persons?: object; actors?: object }) =>
    ({ jobType: "registry.members.change", params: { persons: {}, actors: {}, ...params } }) as Change;

  it("refuse another key under the id of a person's passkey", async () => {
    const bob = buildPerson("bob");
    const [first, second] = bob.passkeys;
    if (first === undefined || second === undefined) throw new Error("bob does not have two passkeys");
    const swapped = { ...bob, passkeys: [{ ...first, public_key: second.public_key }, second] };
    await expectRuledOut(change({ persons: { "person:bob": swapped } }), /would be another key under the same id/);
  });

  it("refuse a higher level for an existing passkey", async () => {
    const writer = writeCharter();
    const weak = buildPerson("eve", { passkeys: [buildPasskey("eve", { counts_to: "L3" })] });
    writer.append(change({ persons: { "person:eve": weak } }));
    writer.sign({ change: change({ persons: { "person:eve": { ...weak, passkeys: [buildPasskey("eve", { counts_to: "L5" })] } } }) });
    await expectDenied(writer, /would be another key under the same id/, 4);
  });

  it("refuse one passkey for two persons", async () => {
    const thief = buildPerson("eve", { passkeys: buildPerson("bob").passkeys });
    await expectRuledOut(change({ persons: { "person:eve": thief } }), /have the same passkey/);
  });

  it("refuse an agent without a responsible person", async () => {
    await expectRuledOut(change({ actors: { "ubl:sid:agent:x": buildActor("person:nobody") } }), /who is not a person of this charter/);
  });

  it("refuse a passkey for a relying party that the charter lacks", async () => {
    const person = buildPerson("eve", {
      passkeys: [buildPasskey("eve", { relying_party: "evil.example" })],
    });
    await expectRuledOut(change({ persons: { "person:eve": person } }), /is not a relying party of this charter/);
  });

  it("refuse to revoke the last key of a use", async () => {
    await expectRuledOut(
      { jobType: "registry.keys.rotate", params: { add: [], revoke: [permitKey.kid] } },
      /No key for `permit` would be left/,
    );
  });

  const keyOf = (key: SigningKey, more: object = {}) => ({ use: "permit" as const, jwk: key.jwk, revoked: false, ...more });
  const rotate = (add: ReturnType<typeof keyOf>[], revoke: string[] = []): Change => ({
    jobType: "registry.keys.rotate",
    params: { add, revoke },
  });
  const [first, second] = [createTestKey(), createTestKey()];
  it.each<[what: string, change: Change, why: RegExp]>([
    ["the policy that is active", publish(NEW_POLICY), /This policy is already active/],
    ["no key", rotate([]), /names no key/],
    ["a key twice", rotate([keyOf(first), keyOf(first)]), /names a key twice/],
    ["a new key that is revoked", rotate([keyOf(first, { revoked: true })]), /revoked before it was ever valid/],
    ["an unknown key to revoke", rotate([keyOf(first)], [second.kid]), /is not a key of this charter/],
    ["no member", change({}), /names no member, or one that it does not change/],
    ["an unchanged member", change({ persons: { "person:bob": buildPerson("bob") } }), /names no member, or one that it does not change/],
  ])("refuse a change that names %s", (_, refused, why) => expectRuledOut(refused, why));

  it("refuse to revoke a key twice, and to seal twice", async () => {
    const writer = writeCharter();
    writer.append(rotate([keyOf(first)], [permitKey.kid]));
    expect(computeWrites(writer.state, 5, rotate([keyOf(second)], [permitKey.kid]))).toMatchObject({ denial: { code: "nothing_to_do" } });
    writer.append({ jobType: "registry.charter.seal", params: {} });
    expect(computeWrites(writer.state, 6, { jobType: "registry.charter.seal", params: {} })).toMatchObject({
      denial: { code: "nothing_to_do" },
    });
  });

  it("refuse to seal while the founding key is needed: too few persons, offices or passkeys for L5", () => {
    const seal = { jobType: "registry.charter.seal", params: {} } as const;
    const [ana] = ["person:ana"];
    const weaker: [string, Change][] = [
      ["a disabled person", change({ persons: { [ana]: buildPerson("ana", { disabled: true }) } })],
      ["one passkey", change({ persons: { [ana]: buildPerson("ana", { passkeys: [buildPasskey("ana-1")] }) } })],
      [
        "passkeys up to L4",
        change({
          persons: { [ana]: buildPerson("ana", { passkeys: [buildPasskey("ana-3"), buildPasskey("ana-4", { counts_to: "L4" })] }) },
        }),
      ],
      ["no office", change({ actors: { "ubl:sid:person:ana": buildActor(ana, { offices: [] }) } })],
    ];
    for (const [what, weakened] of weaker) {
      const writer = new CharterWriter();
      writer.append(buildFounding());
      expect(computeWrites(writer.state, 2, seal), "four persons").toMatchObject({ ok: true });
      writer.append(weakened);
      expect(computeWrites(writer.state, 3, seal), what).toMatchObject({ ok: false, denial: { code: "charter_unreachable" } });
    }
  });

  it("refuse more than 5,000 persons", async () => {
    const names = Array.from({ length: PERSONS_MAX + 1 }, (_, n) => `p${n}`);
    const found = computeWrites(new CharterState(), 1, buildFounding(names));
    expect(found).toMatchObject({ ok: false, denial: { code: "limit_exceeded" } });
    expect(computeWrites(new CharterState(), 1, buildFounding(names.slice(1)))).toMatchObject({ ok: true });
  });

  it.each<[what: string, keys: Record<string, ReturnType<typeof keyOf>>, why: RegExp]>([
    ["a key under another one's id", { [second.kid]: keyOf(first) }, /is listed under the id/],
    ["a revoked key", { [first.kid]: keyOf(first, { revoked: true }) }, /revoked before it was ever valid/],
  ])("refuse a founding with %s", (_, keys, why) => {
    const founding = buildFounding();
    const params = { ...founding.params, keys } as typeof founding.params;
    expect(computeWrites(new CharterState(), 1, { ...founding, params } as Change)).toMatchObject({
      denial: { message: expect.stringMatching(why) },
    });
  });

  it("refuse a founding with an actor without a person", () => {
    const founding = buildFounding();
    const params = { ...founding.params, actors: { "ubl:sid:agent:x": buildActor("person:nobody") } };
    expect(computeWrites(new CharterState(), 1, { ...founding, params } as Change)).toMatchObject({ denial: { code: "charter_invalid" } });
  });

  it("refuse to restore a revoked key", async () => {
    const writer = writeCharter();
    const next = createTestKey();
    const added = { use: "permit", jwk: next.jwk, revoked: false } as const;
    writer.append({ jobType: "registry.keys.rotate", params: { add: [added], revoke: [permitKey.kid] } });
    expect(writer.state.find("key", permitKey.kid)?.revoked).toBe(true);
    const back = { use: "receipt", jwk: permitKey.jwk, revoked: false } as const;
    writer.sign({ change: { jobType: "registry.keys.rotate", params: { add: [back], revoke: [] } } });
    await expectDenied(writer, /is, or was, a key of this charter/, 4);
  });
});

describe("an entry's signature", () => {
  it("covers the key id in its authority", async () => {
    const writer = writeCharter();
    const other = createTestKey();
    const entry = writer.sign({ change: publish(POLICY) });
    const { authority: _, ...unsigned } = entry;
    writer.entries[3] = { ...entry, authority: { ...signEntry(unsigned, other).authority, kid: writer.key.kid } };
    await expectDenied(writer, /not signed by the tenant's founding key/, 3);
  });
});
