import { beforeEach, describe, expect, it } from "vitest";
import { listGitKeys } from "../../../src/decision/charter/git-keys.js";
import { buildNextEntry } from "../../../src/decision/charter/next-entry.js";
import type { CharterWalk } from "../../../src/decision/charter/walk.js";
import { toCanonicalBytes } from "../../../src/domain/bytes/canonical.js";
import type { SigningKey } from "../../../src/domain/bytes/signature.js";
import type { ChangeParams, CharterChange } from "../../../src/domain/charter/change.js";
import { type CharterEntry, signEntry, type UnsignedAuthority } from "../../../src/domain/charter/entry.js";
import type { KeyUse } from "../../../src/domain/charter/keys.js";
import { createTestKey } from "../../domain/samples.js";
import { apiKey, toPersonId } from "../judging.js";
import { ActWorld, changeMembers, gitKey, type Name, PLANE_KEYS } from "./acts.js";
import { buildFounding, CharterWriter, permitKey, receiptKey } from "./charters.js";

type Rotation = ChangeParams<"registry.keys.rotate">;
const rotate = (params: Partial<Rotation>): CharterChange => ({
  jobType: "registry.keys.rotate",
  params: { add: [], revoke: [], ...params },
});
const name = (use: Exclude<KeyUse, "evidence">, { jwk }: SigningKey) => ({ use, jwk, revoked: false }) as const;

/** The operator's charter, with a key for each use, and a tenant's, which names none. */
let world: ActWorld;
let operator: CharterWriter;
beforeEach(async () => {
  operator = new CharterWriter(createTestKey(), "T.OPERATOR");
  const founding = buildFounding();
  if (founding.jobType === "registry.charter.found") founding.params.keys = PLANE_KEYS;
  operator.append(founding);
  world = await ActWorld.open({ operator });
});

/** The operator replaces a key. Returns the new one. */
function replaceKey(use: "permit" | "statement" | "receipt" | "git", old: SigningKey): SigningKey {
  const next = createTestKey();
  operator.append(rotate({ add: [name(use, next)], revoke: [old.kid] }));
  return next;
}

const disable = (who: Name) => changeMembers({ persons: { [toPersonId(who)]: world.buildPerson(who, { disabled: true }) } });
const buildAct = (who: Name, changes: Parameters<ActWorld["buildEntry"]>[1] = {}) =>
  world.buildEntry(disable(who), { approvers: ["bob"], ...changes });
const readVersions = async () => (await world.walk()).newest.versions;

async function expectRefused(entry: CharterEntry, why: RegExp): Promise<void> {
  expect(await world.check(entry)).toMatchObject({ ok: false, denial: { code: "charter_invalid", message: expect.stringMatching(why) } });
}

describe("the operator's keys", () => {
  it("count for each use of which a tenant's charter names none, in the newest version of the operator's charter", async () => {
    const { newest } = await world.walk();
    expect(newest.versions).toEqual({ charter_version: 1, operator_version: 1 });
    const uses = { permit: permitKey, statement: apiKey, receipt: receiptKey, git: gitKey } as const;
    for (const use of ["permit", "statement", "receipt", "git"] as const) expect(newest.listKeys(use).keys).toEqual([uses[use].jwk]);
    const next = replaceKey("permit", permitKey);
    expect((await world.walk()).newest.listKeys("permit").keys).toEqual([next.jwk]);
    expect(await readVersions()).toEqual({ charter_version: 1, operator_version: 2 });
  });

  it("do not count for a use of which the tenant's charter names a key, and stay valid for what they signed before", async () => {
    const own = createTestKey();
    world.writer.append(rotate({ add: [name("permit", own)] }));
    const { newest } = await world.walk();
    expect(newest.listKeys("permit").keys).toEqual([own.jwk]);
    expect(newest.listKeys("receipt").keys).toEqual([receiptKey.jwk]);
    const find = (kid: string, charter_version: number, use: "permit" | "receipt" = "permit") =>
      newest.findKeyAt(kid, use, { charter_version, operator_version: 1 });
    expect(find(permitKey.kid, 1)).toEqual(permitKey.jwk);
    expect(find(permitKey.kid, 2)).toBeUndefined();
    expect(find(own.kid, 1)).toBeUndefined();
    expect(find(own.kid, 2)).toEqual(own.jwk);
    expect(find(receiptKey.kid, 2, "receipt")).toEqual(receiptKey.jwk);
  });

  it("are found in the versions that a signature names, which it must name exactly if the tenant needs them", async () => {
    const next = replaceKey("receipt", receiptKey);
    const { newest } = await world.walk();
    const find = (kid: string, operator_version?: number, use: "receipt" | "permit" = "receipt") =>
      newest.findKeyAt(kid, use, { charter_version: 1, operator_version })?.kid;
    expect([1, 2, 3, undefined].map((version) => find(receiptKey.kid, version))).toEqual([receiptKey.kid, undefined, undefined, undefined]);
    expect([1, 2, 3, undefined].map((version) => find(next.kid, version))).toEqual([undefined, next.kid, undefined, undefined]);
    expect(find(receiptKey.kid, 1, "permit")).toBeUndefined();
    world.writer.append(rotate({ add: Object.values(PLANE_KEYS) }));
    const full = (await world.walk()).newest;
    expect(full.versions).toEqual({ charter_version: 2 });
    expect(full.findKeyAt(receiptKey.kid, "receipt", { charter_version: 2 })).toEqual(receiptKey.jwk);
    expect(full.findKeyAt(receiptKey.kid, "receipt", { charter_version: 2, operator_version: 1 })).toBeUndefined();
    expect(full.findKeyAt(next.kid, "receipt", { charter_version: 1, operator_version: 2 })).toEqual(next.jwk);
  });

  it("of commits keep the authors of what they signed after a rotation, and after the tenant names a key of its own", async () => {
    const next = replaceKey("git", gitKey);
    expect(listGitKeys((await world.walk()).newest)).toEqual({ valid: { keys: [next.jwk] }, known: { keys: [gitKey.jwk, next.jwk] } });
    const own = createTestKey();
    world.writer.append(rotate({ add: [name("git", own)] }));
    expect(listGitKeys((await world.walk()).newest)).toEqual({
      valid: { keys: [own.jwk] },
      known: { keys: [own.jwk, gitKey.jwk, next.jwk] },
    });
    const other = await ActWorld.open();
    other.operator = operator;
    expect(listGitKeys((await other.walk()).newest)).toEqual({ valid: { keys: [gitKey.jwk] }, known: { keys: [gitKey.jwk] } });
  });
});

describe("an act that changes the charter of a tenant without keys", () => {
  it("is signed with the operator's, and stays valid when the operator replaces them", async () => {
    await world.act(disable("dan"), { approvers: ["bob"] });
    replaceKey("statement", apiKey);
    expect((await world.walk()).version).toBe(2);
  });

  it("is refused with a key that the operator has replaced", async () => {
    replaceKey("statement", apiKey);
    await expectRefused(await buildAct("dan"), /not signed by this registry's api/);
  });

  // The thief of a replaced key names the version in which it was valid.
  it("is refused if it names an older version of the operator's charter than an entry before it", async () => {
    operator.append(rotate({ add: [name("log", createTestKey())] }));
    await world.act(disable("dan"), { approvers: ["bob"] });
    const enable = changeMembers({ persons: { [toPersonId("dan")]: world.buildPerson("dan") } });
    const earlier = await world.buildEntry(enable, { operator_version: 1 });
    const why = /names version 1 of the operator's charter, after an entry that names 2/;
    await expectRefused(earlier, why);
    const resumed = world.openWalk();
    expect(resumed.resume((await world.walk()).toPoint())).toBe(true);
    await resumed.advance(world.writer.read);
    expect(await resumed.checkNext(toCanonicalBytes(earlier))).toMatchObject({
      ok: false,
      denial: { message: expect.stringMatching(why) },
    });
    await world.act(enable);
  });

  it("is refused without the version of the operator's charter, with one that is absent, and with a key of another use", async () => {
    await expectRefused(await buildAct("dan", { operator_version: undefined }), /names no version of the operator's charter/);
    await expectRefused(await buildAct("dan", { operator_version: 2 }), /names version 2 of the operator's charter, which has 1/);
    for (const cardKey of [permitKey, receiptKey, operator.key])
      await expectRefused(await buildAct("dan", { cardKey }), /not signed by this registry's api/);
  });

  it("is refused with the operator's key if the tenant names its own, also for one use alone", async () => {
    world.writer.append(rotate({ add: [name("statement", createTestKey())] }));
    await expectRefused(await buildAct("dan"), /not signed by this registry's api/);
  });

  it("is refused if it names the operator's charter although the tenant has a key for every use", async () => {
    world = await ActWorld.open();
    world.operator = operator;
    await expectRefused(await buildAct("dan", { operator_version: 1 }), /does not rest on its keys/);
    await world.append(await buildAct("dan"));
  });
});

it("a Runner's key of the operator's charter records that an act ended, under the operator's version alone", async () => {
  const end = (walk: CharterWalk, key: SigningKey, authority: UnsignedAuthority) =>
    signEntry(
      buildNextEntry(walk, { jobType: "registry.charter.end_act", params: { jti: "94b5731a-2f54-8a5a-ab1f-99157d3bf5a9" } }, []),
      key,
      authority,
    );
  const walk = await world.walk();
  await expectRefused(end(walk, receiptKey, { kind: "receipt" }), /names no version/);
  await expectRefused(end(walk, permitKey, { kind: "receipt", operator_version: 1 }), /not signed by a receipt key/);
  replaceKey("receipt", receiptKey);
  await expectRefused(end(walk, receiptKey, { kind: "receipt", operator_version: 2 }), /not signed by a receipt key/);
  await world.append(end(walk, receiptKey, { kind: "receipt", operator_version: 1 }));
});

describe("a tenant that revokes its last key of a use", () => {
  it("is left with the operator's", async () => {
    const own = createTestKey();
    world.writer.append(rotate({ add: [name("receipt", own)] }));
    await world.act(rotate({ revoke: [own.kid] }));
    const { newest } = await world.walk();
    expect(newest.listKeys("receipt").keys).toEqual([receiptKey.jwk]);
    expect(newest.findKeyAt(own.kid, "receipt", { charter_version: 2, operator_version: 1 })).toEqual(own.jwk);
  });

  it("is refused if the operator has none", async () => {
    const own = createTestKey();
    world.writer.append(rotate({ add: [name("log", own)] }));
    const change = rotate({ revoke: [own.kid] });
    expect(await (await world.walk()).planNext(change)).toMatchObject({ ok: false, denial: { code: "charter_unreachable" } });
    operator.append(rotate({ add: [name("log", createTestKey())] }));
    expect(await (await world.walk()).planNext(change)).toMatchObject({ ok: true });
  });

  it("is refused in the operator's own charter", () => {
    expect(() => operator.append(rotate({ revoke: [receiptKey.kid] }))).toThrow("No key for `receipt` would be left");
  });
});
