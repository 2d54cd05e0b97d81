import { beforeEach, describe, expect, it } from "vitest";
import { buildNextEntry } from "../../../src/decision/charter/next-entry.js";
import { CharterWalk } from "../../../src/decision/charter/walk.js";
import type { SigningKey } from "../../../src/domain/bytes/signature.js";
import { type Announcement, signAnnouncement } from "../../../src/domain/charter/announcement.js";
import type { AnnouncedChange, CharterChange } from "../../../src/domain/charter/change.js";
import { type CharterEntry, charterEntrySchema, signEntry, type UnsignedAuthority } from "../../../src/domain/charter/entry.js";
import type { Recovery } from "../../../src/domain/charter/recovery.js";
import { createTestKey } from "../../domain/samples.js";
import { createCharterPasskey, NOW_MS, toActorId, toPersonId } from "../judging.js";
import { ActWorld, changeMembers, type Name } from "./acts.js";
import { buildFounding, CharterWriter, permitKey, receiptKey } from "./charters.js";
import { refusePolicies } from "./three-versions.js";

const DAY_MS = 86_400_000;
const [one, two, three, stranger] = [createTestKey(), createTestKey(), createTestKey(), createTestKey()];
const RECOVERY: Recovery = { jwks: [one.jwk, two.jwk, three.jwk], threshold: 2, delay_ms: 7 * DAY_MS };
const seal = { jobType: "registry.charter.seal" as const, params: {} };

function rotate(params: Partial<Extract<AnnouncedChange, { jobType: "registry.keys.rotate" }>["params"]>) {
  return { jobType: "registry.keys.rotate" as const, params: { add: [], revoke: [], ...params } };
}

/** A sealed charter with recovery keys. */
let world: ActWorld;
beforeEach(async () => {
  world = await ActWorld.open();
  world.writer.append(rotate({ recovery: RECOVERY }));
  await world.act(seal);
});

/** Gives a person a passkey that nobody has lost. */
const equip = (name: Name) => {
  const passkeys = [createCharterPasskey(name), createCharterPasskey(name)].map(({ record }) => record);
  return changeMembers({ persons: { [toPersonId(name)]: world.buildPerson(name, { passkeys }) } }) as AnnouncedChange;
};
const disable = (name: Name) =>
  changeMembers({ persons: { [toPersonId(name)]: world.buildPerson(name, { disabled: true }) } }) as AnnouncedChange;

/** What an attacker replaces. */
interface Changes {
  readonly signers?: readonly SigningKey[];
  readonly signed?: Partial<Announcement>;
  readonly after?: string;
  readonly runner?: SigningKey;
  readonly seen_at_ms?: number;
  readonly version?: number;
}

async function signNext(change: CharterChange, authority: UnsignedAuthority, runner: SigningKey = receiptKey): Promise<CharterEntry> {
  const walk = await world.walk();
  const next = change.jobType === "registry.recovery.announce" ? undefined : await walk.planNext(change);
  if (next?.ok === false) throw new Error(next.denial.message);
  return signEntry(buildNextEntry(walk, change, next?.value.writes ?? []), runner, authority);
}

/** Signs a change with recovery keys. */
async function sign(change: AnnouncedChange, { signers = [one, two], after, signed = {} }: Changes = {}): Promise<Announcement> {
  const { tenantId: tenant_id, recovery } = await world.walk();
  const unsigned = { tenant_id, after: after ?? recovery?.entry_hash ?? "", change, signatures: [], ...signed };
  return signers.reduce(signAnnouncement, unsigned);
}

/** Builds the entry with which a Runner appends an announcement that it sees at `NOW_MS`. */
async function buildAnnouncing(change: AnnouncedChange, changes: Changes = {}): Promise<CharterEntry> {
  return enter(change, await sign(change, changes), changes);
}

async function enter(change: AnnouncedChange, { after, signatures }: Announcement, { runner, seen_at_ms = NOW_MS }: Changes = {}) {
  const authority = { kind: "recovery" as const, after, signatures, seen_at_ms };
  return signNext({ jobType: "registry.recovery.announce", params: { change } }, authority, runner);
}

const announce = async (change: AnnouncedChange, changes: Changes = {}): Promise<number> => {
  const entry = await buildAnnouncing(change, changes);
  await world.append(entry);
  return entry.version;
};

async function buildCompleting(change: AnnouncedChange, version: number, changes: Changes = {}): Promise<CharterEntry> {
  const { seen_at_ms = NOW_MS + RECOVERY.delay_ms, runner } = changes;
  return signNext(change, { kind: "announcement", version, seen_at_ms }, runner);
}

async function expectRefused(entry: CharterEntry, why: RegExp): Promise<void> {
  expect(await world.check(entry)).toMatchObject({ ok: false, denial: { code: "charter_invalid", message: expect.stringMatching(why) } });
}

it("members who lost their passkeys get others once the delay of the recovery keys has passed", async () => {
  const change = equip("bob");
  const version = await announce(change);
  const before = await world.walk();
  expect(before.state.find("person", toPersonId("bob"))).toEqual(world.buildPerson("bob"));
  expect(before.newest.recovery?.waiting).toEqual({
    version,
    change,
    announced_at_ms: NOW_MS,
    completable_at_ms: NOW_MS + RECOVERY.delay_ms,
  });
  // What persons do meanwhile is no matter, as long as they do not object.
  await world.act(disable("eve"), { approvers: ["carol"] });
  await world.append(await buildCompleting(change, version));
  const after = await world.walk();
  expect(after.state.hashRecord("person", toPersonId("bob"))).not.toBe(before.state.hashRecord("person", toPersonId("bob")));
  expect(after.newest.recovery?.waiting).toBeNull();
});

it("a tenant can be founded with recovery keys", async () => {
  const { jobType, params } = buildFounding() as Extract<CharterChange, { jobType: "registry.charter.found" }>;
  const writer = new CharterWriter();
  writer.append({ jobType, params: { ...params, recovery: RECOVERY } });
  const walk = new CharterWalk(writer.tenant_id, writer.key.jwk, refusePolicies);
  expect(await walk.advance(writer.read)).toMatchObject({ ok: true });
  expect(walk.state.find("recovery")).toEqual(RECOVERY);
  expect(walk.recovery).toMatchObject({ version: 1, waiting: null });
  const shared = { ...params, recovery: { ...RECOVERY, jwks: [receiptKey.jwk], threshold: 1 } };
  expect(() => new CharterWriter().append({ jobType, params: shared })).toThrow(/would be a recovery key and a key of another use/);
});

it("a charter without recovery keys has no record of them, and takes no announcement", async () => {
  world = await ActWorld.open();
  expect((await world.walk()).state.find("recovery")).toBeUndefined();
  await expectRefused(await buildAnnouncing(equip("bob"), { after: (await world.walk()).entryHash ?? "" }), /has no recovery keys/);
});

describe("an announcement is refused", () => {
  it("that fewer recovery keys signed than must", async () => {
    await expectRefused(await buildAnnouncing(equip("bob"), { signers: [three] }), /2 recovery keys must sign it, and 1 did/);
  });

  it("that one recovery key signed twice", async () => {
    await expectRefused(await buildAnnouncing(equip("bob"), { signers: [one, one] }), /signed it twice/);
  });

  it.each([
    ["a key that nobody made a recovery key", () => stranger],
    ["the founding key", () => world.writer.key],
    ["LAB 256's permit key", () => permitKey],
    ["the Runner's receipt key", () => receiptKey],
  ])("that %s signed, also beside enough others", async (_, getKey) => {
    await expectRefused(await buildAnnouncing(equip("bob"), { signers: [one, getKey()] }), /is not a recovery key/);
    await expectRefused(await buildAnnouncing(equip("bob"), { signers: [one, two, getKey()] }), /is not a recovery key/);
    await expectRefused(
      await buildAnnouncing(equip("bob"), { signers: [one, { ...getKey(), kid: two.kid }] }),
      /the signature of the recovery key/,
    );
  });

  // Somebody changes what the signers agreed to.
  it("whose signatures are over another change", async () => {
    const [agreed, other] = [equip("bob"), equip("eve")];
    await expectRefused(await enter(other, await sign(agreed)), /is not over this change/);
  });

  // The same persons keep the recovery keys of two tenants.
  it("that was signed for another tenant", async () => {
    const change = equip("bob");
    await expectRefused(await enter(change, await sign(change, { signed: { tenant_id: "T.OTHER" } })), /is not over this change/);
  });

  it("that was signed after an entry that is not the newest one about recovery", async () => {
    const { entryHash } = await world.walk();
    await expectRefused(await buildAnnouncing(equip("bob"), { after: entryHash ?? "" }), /the newest one about recovery/);
  });

  it.each([
    ["no receipt key", () => stranger],
    ["a key under a receipt key's id", () => ({ ...stranger, kid: receiptKey.kid })],
    ["a recovery key", () => one],
    ["LAB 256's permit key", () => permitKey],
  ])("that a Runner saw who has %s", async (_, getKey) => {
    await expectRefused(await buildAnnouncing(equip("bob"), { runner: getKey() }), /not signed by a receipt key/);
  });

  // The delay would have passed before anybody saw the announcement.
  it("whose time is not the Runner's", async () => {
    const entry = await buildAnnouncing(equip("bob"));
    const authority = { ...entry.authority, seen_at_ms: NOW_MS - RECOVERY.delay_ms } as CharterEntry["authority"];
    await expectRefused({ ...entry, authority }, /not signed by a receipt key/);
  });

  it("that the founding key or the approvals of a card stand for", async () => {
    const change = { jobType: "registry.recovery.announce" as const, params: { change: equip("bob") } };
    world = await ActWorld.open();
    world.writer.append(rotate({ recovery: RECOVERY }));
    const { hash: state_hash } = (await world.walk()).state;
    const founded = world.writer.sign({ change, state_hash });
    world.writer.entries.pop();
    await expectRefused(founded, /the founding key does not sign/);
    const act = await world.buildEntry(equip("bob"));
    await expectRefused({ ...act, change, state_hash }, /is not an act/);
  });

  // The delay would be skipped.
  it("that makes the change itself", async () => {
    const [change, entry] = [equip("bob"), await buildAnnouncing(equip("bob"))];
    if (entry.authority.kind !== "recovery") throw new Error("an announcement");
    const { kid: _, sig: __, ...authority } = entry.authority;
    await expectRefused(await signNext(change, authority), /recovery keys only announce a change/);
    await expectRefused(await signNext(entry.change, { kind: "receipt" }), /and nothing else/);
    await expectRefused(await signNext(entry.change, { kind: "announcement", version: 2, seen_at_ms: NOW_MS }), /no change waits/);
  });

  // Every process would load rules that nobody but the thieves of the keys has seen.
  it("of rules that the operator's charter is to list", async () => {
    const entry = await buildAnnouncing(equip("bob"));
    const params = { policy_hash: "a".repeat(64), rules: "b".repeat(64) };
    const announced = { ...entry, change: { ...entry.change, params: { change: { jobType: "registry.policy.publish", params } } } };
    expect(charterEntrySchema.safeParse(announced).error?.issues[0]?.message).toMatch(/rules/);
  });

  it("of a seal, of a tenant and of webhooks", async () => {
    const entry = await buildAnnouncing(equip("bob"));
    for (const change of [seal, { jobType: "registry.webhooks.change", params: { webhooks: {} } }]) {
      const announced = { ...entry, change: { ...entry.change, params: { change } } };
      expect(charterEntrySchema.safeParse(announced).error?.issues[0]?.message).toMatch(/Recovery keys change members/);
    }
  });
});

describe("a change that waits", () => {
  let change: AnnouncedChange;
  let version: number;
  let announcement: Announcement;
  beforeEach(async () => {
    change = equip("bob");
    announcement = await sign(change);
    await world.append(await enter(change, announcement));
    version = world.writer.entries.length;
  });

  it("is not made before its delay has passed", async () => {
    const early = { seen_at_ms: NOW_MS + RECOVERY.delay_ms - 1 };
    await expectRefused(await buildCompleting(change, version, early), /waits until 2026-11-29T00:00:00.000Z/);
  });

  it("is made once", async () => {
    await world.append(await buildCompleting(change, version));
    // An act undoes it. The old announcement, and the old signatures, must not bring it back.
    await world.act(disable("bob"), { approvers: ["carol", "dan"] });
    await expectRefused(await buildCompleting(change, version), /no change waits/);
    await expectRefused(await enter(change, announcement), /the newest one about recovery/);
  });

  it("is made as it was announced, and by the version that announced it", async () => {
    await expectRefused(await buildCompleting(equip("eve"), version), /announced another change/);
    for (const other of [version - 1, version + 1]) await expectRefused(await buildCompleting(change, other), /no change waits/);
  });

  it.each([
    ["no receipt key", () => stranger],
    ["a recovery key", () => one],
    ["the founding key", () => world.writer.key],
  ])("is not made by a Runner who has %s", async (_, getKey) => {
    await expectRefused(await buildCompleting(change, version, { runner: getKey() }), /not signed by a receipt key/);
  });

  it("is not made at a time that is not the Runner's", async () => {
    const entry = await buildCompleting(change, version, { seen_at_ms: NOW_MS });
    const authority = { ...entry.authority, seen_at_ms: NOW_MS + RECOVERY.delay_ms } as CharterEntry["authority"];
    await expectRefused({ ...entry, authority }, /not signed by a receipt key/);
  });

  it("is made by a Runner with a receipt key of then, and not with one that was revoked meanwhile", async () => {
    const next = createTestKey();
    await world.act(rotate({ add: [{ use: "receipt", jwk: next.jwk, revoked: false }], revoke: [receiptKey.kid] }));
    await expectRefused(await buildCompleting(change, version), /not signed by a receipt key/);
    await world.append(await buildCompleting(change, version, { runner: next }));
  });

  // Thieves of the recovery keys announced it.
  it.each([
    ["replaces the recovery keys", { ...RECOVERY, jwks: [three.jwk], threshold: 1 }, /is not a recovery key/],
    ["removes the recovery keys", null, /has no recovery keys/],
  ])("is never made once L5's quorum %s, and they announce nothing any more", async (_, recovery, why) => {
    await world.act(rotate({ recovery }));
    await expectRefused(await buildCompleting(change, version), /no change waits/);
    await expectRefused(await buildAnnouncing(change), why);
  });

  it("ends once L5's quorum states the same recovery keys again, who must sign it anew and wait for the whole delay", async () => {
    await world.act(rotate({ recovery: RECOVERY }));
    await expectRefused(await buildCompleting(change, version), /no change waits/);
    await expectRefused(await enter(change, announcement), /the newest one about recovery/);
    const seen_at_ms = NOW_MS + RECOVERY.delay_ms;
    const again = await announce(change, { seen_at_ms });
    await expectRefused(await buildCompleting(change, again, { seen_at_ms }), /waits until/);
  });

  it("gives way to another announcement, whose delay begins anew", async () => {
    const other = equip("carol");
    const later = NOW_MS + RECOVERY.delay_ms - 1;
    const next = await announce(other, { seen_at_ms: later });
    await expectRefused(await buildCompleting(change, version), /no change waits/);
    await expectRefused(await buildCompleting(other, next), /waits until/);
    await world.append(await buildCompleting(other, next, { seen_at_ms: later + RECOVERY.delay_ms }));
  });

  it("stays through a rotation of other keys", async () => {
    await world.act(rotate({ add: [{ use: "receipt", jwk: createTestKey().jwk, revoked: false }] }));
    await world.append(await buildCompleting(change, version));
  });

  it("ends with no objection by an act below L5", async () => {
    expect(await world.findLevel(rotate({ recovery: null }))).toBe("L5");
    const objection = await world.buildEntry(rotate({ recovery: null }), { approvers: ["bob"] });
    await expectRefused(objection, /lacks/);
  });
});

describe("recovery keys cannot do what no act can:", () => {
  const announceAndComplete = async (change: AnnouncedChange): Promise<CharterEntry> => {
    const version = await announce(change);
    const walk = await world.walk();
    const authority = { kind: "announcement" as const, version, seen_at_ms: NOW_MS + RECOVERY.delay_ms };
    return signEntry(buildNextEntry(walk, change, []), receiptKey, authority);
  };

  it("leave a charter that its persons cannot change", async () => {
    await world.act(disable("dan"), { approvers: ["bob"] });
    await expectRefused(await announceAndComplete(disable("carol")), /nobody could change the charter/);
    await expectRefused(await announceAndComplete(rotate({ revoke: [receiptKey.kid] })), /No key for `receipt` would be left/);
  });

  it("bring a revoked key back", async () => {
    const value = { use: "receipt", jwk: createTestKey().jwk, revoked: false } as const;
    await world.act(rotate({ add: [value] }));
    await world.act(rotate({ revoke: [value.jwk.kid] }));
    await expectRefused(await announceAndComplete(rotate({ add: [value] })), /is, or was, a key of this charter/);
  });

  it("publish a policy with rules that the operator does not list", async () => {
    const { hash } = await world.addPolicyWithOtherRules();
    const published = { jobType: "registry.policy.publish", params: { policy_hash: hash } } as const;
    await expectRefused(await announceAndComplete(published), /the operator's charter does not list them/);
  });

  it("give an office that the policy does not know", async () => {
    const unknown = changeMembers({ actors: { [toActorId("eve")]: world.buildActor("eve", ["office:unknown"]) } }) as AnnouncedChange;
    await expectRefused(await announceAndComplete(unknown), /an office that the policy does not know/);
  });

  it("give the founding key power", async () => {
    const recovery = { ...RECOVERY, jwks: [world.writer.key.jwk], threshold: 1 };
    await expectRefused(await announceAndComplete(rotate({ recovery })), /founding key cannot be a recovery key/);
    expect(await world.findLevel(rotate({ recovery }))).toBe("charter_invalid");
  });
});

// At L4 one approver takes power from one person who decides at L5, until the next entry of that level. An announcement is none.
it("power is taken from a second person at L5 after an announcement, and at L4 after the change that it announced", async () => {
  const passkeys = [createCharterPasskey("eve").record];
  await world.act(
    changeMembers({
      persons: { [toPersonId("eve")]: world.buildPerson("eve", { passkeys }) },
      actors: { [toActorId("eve")]: world.buildActor("eve", ["office::default"]) },
    }),
  );
  await world.act(disable("dan"), { approvers: ["bob"] });
  const enabled = changeMembers({ persons: { [toPersonId("dan")]: world.buildPerson("dan") } }) as AnnouncedChange;
  const version = await announce(enabled);
  expect(await world.findLevel(disable("carol"))).toBe("L5");
  await world.append(await buildCompleting(enabled, version));
  expect(await world.findLevel(disable("carol"))).toBe("L4");
});

describe("a recovery key", () => {
  it.each([
    ["that is a key of the charter", () => receiptKey.jwk],
    ["that was a key of the charter", () => permitKey.jwk],
  ])("is none %s", async (_, getJwk) => {
    await world.act(rotate({ add: [{ use: "permit", jwk: createTestKey().jwk, revoked: false }], revoke: [permitKey.kid] }));
    expect(await world.findLevel(rotate({ recovery: { ...RECOVERY, jwks: [getJwk()], threshold: 1 } }))).toBe("charter_invalid");
  });

  it("does not become a key of another use", async () => {
    const add = [{ use: "receipt", jwk: one.jwk, revoked: false } as const];
    expect(await world.findLevel(rotate({ add }))).toBe("charter_invalid");
    expect(await world.findLevel(rotate({ add, recovery: RECOVERY }))).toBe("charter_invalid");
    expect(await world.findLevel(rotate({ add, recovery: null }))).toBe("L5");
  });

  it("is no key of any use", async () => {
    const { newest } = await world.walk();
    for (const use of ["permit", "statement", "receipt", "git", "log"] as const)
      expect(newest.listKeys(use).keys.map(({ kid }) => kid)).not.toContain(one.kid);
  });
});

it("recovery keys that a charter does not have cannot be removed", async () => {
  await world.act(rotate({ recovery: null }));
  expect(await world.findLevel(rotate({ recovery: null }))).toBe("nothing_to_do");
});

it.each([
  ["no key", { jwks: [] }],
  ["a key twice", { jwks: [one.jwk, one.jwk] }],
  ["a threshold above the number of keys", { threshold: 4 }],
  ["a threshold of none", { threshold: 0 }],
  ["a delay in which nobody could object", { delay_ms: DAY_MS - 1 }],
  ["a delay that never ends", { delay_ms: 91 * DAY_MS }],
])("recovery with %s is malformed", (_, changes) => {
  const change = rotate({ recovery: { ...RECOVERY, ...changes } });
  const entry = { ...world.writer.entries[1], change };
  expect(charterEntrySchema.safeParse(entry).success).toBe(false);
  expect(charterEntrySchema.safeParse({ ...entry, change: rotate({ recovery: RECOVERY }) }).success).toBe(true);
});

it("the founding key of a tenant is not among its first recovery keys", async () => {
  const { jobType, params } = buildFounding() as Extract<CharterChange, { jobType: "registry.charter.found" }>;
  const writer = new CharterWriter();
  const walk = new CharterWalk(writer.tenant_id, writer.key.jwk, refusePolicies);
  const recovery = { ...RECOVERY, jwks: [writer.key.jwk], threshold: 1 };
  writer.append({ jobType, params: { ...params, recovery } });
  expect(await walk.advance(writer.read)).toMatchObject({
    ok: false,
    denial: { message: expect.stringMatching(/founding key cannot be a recovery key/) },
  });
});
