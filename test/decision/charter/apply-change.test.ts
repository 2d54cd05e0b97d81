import { describe, expect, it } from "vitest";
import { computeWrites, PERSONS_MAX } from "../../../src/decision/charter/apply-change.js";
import type { SigningKey } from "../../../src/domain/bytes/signature.js";
import type { Passkey } from "../../../src/domain/charter/records.js";
import { CharterState } from "../../../src/domain/charter/state.js";
import { createTestKey } from "../../domain/samples.js";
import { buildActor, buildFounding, buildPasskey, buildPerson, CharterWriter, permitKey } from "./charters.js";
import { type Change, expectDenied, NEW_POLICY, publish, writeThreeVersions } from "./three-versions.js";

describe("the rules of a charter's changes", () => {
  /** Expects that the rules refuse a validly signed change. */
  async function expectRuledOut(change: Change, why: RegExp): Promise<void> {
    const writer = writeThreeVersions();
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
    const writer = writeThreeVersions();
    const weak = buildPerson("eve", { passkeys: [buildPasskey("eve", { counts_to: "L3" })] });
    writer.append(change({ persons: { "person:eve": weak } }));
    writer.sign({ change: change({ persons: { "person:eve": { ...weak, passkeys: [buildPasskey("eve", { counts_to: "L5" })] } } }) });
    await expectDenied(writer, /would be another key under the same id/, 4);
  });

  // Mallory is called Bob, and approvers take the one's card for the other's.
  it("refuse a person or an actor whose id differs from another one's only in the case of its letters", async () => {
    const bobby = buildPerson("bobby");
    await expectRuledOut(change({ persons: { "person:Bob": bobby } }), /person:Bob differs from person:bob only in the case/);
    const actors = { "ubl:sid:person:BOB": buildActor("person:bob") };
    await expectRuledOut(change({ actors }), /ubl:sid:person:BOB differs from ubl:sid:person:bob only in the case/);
    const twins = { "person:eve": buildPerson("eve"), "person:Eve": bobby };
    await expectRuledOut(change({ persons: twins }), /person:eve differs from person:Eve only in the case/i);
  });

  it("refuse one passkey for two persons", async () => {
    const thief = buildPerson("eve", { passkeys: buildPerson("bob").passkeys });
    await expectRuledOut(change({ persons: { "person:eve": thief } }), /have the same passkey/);
  });

  it("let a passkey pass to another person, at once or later, and know who has it after each change and each undone one", () => {
    const state = new CharterState();
    const [key, other] = [buildPasskey("shared"), buildPasskey("other")];
    const write = (...held: (readonly [name: string, passkeys: readonly Passkey[]])[]) =>
      state.write(held.map(([name, passkeys]) => ({ kind: "person", id: name, value: buildPerson(name, { passkeys: [...passkeys] }) })));
    const findOwners = () => [key, other].map(({ credential_id }) => state.findPasskeyOwner(credential_id));
    write(["bob", [key]], ["eve", [other]]);
    for (const held of [
      [
        ["bob", [other]],
        ["eve", [key]],
      ] as const,
      [
        ["eve", [key]],
        ["bob", [other]],
      ] as const,
    ]) {
      const undo = write(...held);
      expect(findOwners()).toEqual(["eve", "bob"]);
      undo();
      expect(findOwners()).toEqual(["bob", "eve"]);
    }
    write(["bob", []]);
    expect(findOwners()).toEqual([undefined, "eve"]);
    write(["eve", [key, other]]);
    expect(findOwners()).toEqual(["eve", "eve"]);
  });

  it("refuse one passkey for two persons of the same change, and take it from one who gives it up in it", async () => {
    const [bob, eve] = [buildPerson("bob"), buildPerson("eve")];
    const both = { "person:x": { ...eve, passkeys: [buildPasskey("new")] }, "person:y": { ...eve, passkeys: [buildPasskey("new")] } };
    await expectRuledOut(change({ persons: both }), /have the same passkey/);
    const writer = writeThreeVersions();
    const passed = { "person:bob": { ...bob, passkeys: [] }, "person:eve": { ...eve, passkeys: bob.passkeys } };
    writer.append(change({ persons: passed }));
    writer.sign({ change: change({ persons: { "person:bob": bob } }) });
    await expectDenied(writer, /person:bob and person:eve have the same passkey/, 4);
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
    const writer = writeThreeVersions();
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
    const state = new CharterState();
    const full = computeWrites(state, 1, buildFounding(names.slice(1)));
    state.write(full.ok ? full.value : []);
    const name = (id: string) => computeWrites(state, 2, change({ persons: { [id]: buildPerson("new", { passkeys: [] }) } }));
    expect(name("person:p1")).toMatchObject({ ok: true });
    expect(name("person:p0")).toMatchObject({ ok: false, denial: { code: "limit_exceeded" } });
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
    const writer = writeThreeVersions();
    const next = createTestKey();
    const added = { use: "permit", jwk: next.jwk, revoked: false } as const;
    writer.append({ jobType: "registry.keys.rotate", params: { add: [added], revoke: [permitKey.kid] } });
    expect(writer.state.find("key", permitKey.kid)?.revoked).toBe(true);
    const back = { use: "receipt", jwk: permitKey.jwk, revoked: false } as const;
    writer.sign({ change: { jobType: "registry.keys.rotate", params: { add: [back], revoke: [] } } });
    await expectDenied(writer, /is, or was, a key of this charter/, 4);
  });
});
