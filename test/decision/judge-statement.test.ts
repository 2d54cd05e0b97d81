import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { CardRound } from "../../src/decision/judge-statement.js";
import { hashBlake3Hex } from "../../src/domain/bytes/hash.js";
import { verifySignedObject } from "../../src/domain/bytes/signature.js";
import { hashCard } from "../../src/domain/card/card.js";
import { hashStatement, type SignedStatement, type Statement } from "../../src/domain/card/statement.js";
import { TERMINAL_ORIGIN } from "../../src/domain/charter/passkeys.js";
import { TELEMETRY_ACTOR_ID } from "../../src/domain/service-actor.js";
import { attestStatement } from "../../src/lab256/identity/passkeys/statements.js";
import { createTestKey } from "../domain/samples.js";
import { buildActor, type CharterWriter, permitKey } from "./charter/charters.js";
import {
  AGENT,
  APP,
  apiKey,
  BOB,
  buildRound,
  buildStatement,
  changeMembers,
  createCharterPasskey,
  judge,
  NOW_MS,
  passkeys,
  people,
  readCharter,
  SECURITY_UNTIL_MS,
  signStatement,
  toActorId,
  toPersonId,
  writeCharter,
} from "./judging.js";

let charter: CharterWriter;
/** The card at L3, which needs no step-up, and at L4, which needs one. */
let about: CardRound;
let atL4: CardRound;
beforeAll(async () => {
  charter = writeCharter();
  [about, atL4] = [await buildRound(charter), await buildRound(charter, { risk: "L4" })];
});
/** Each test changes its own charter. */
beforeEach(() => {
  charter = writeCharter();
});

const matchRefusal = (code: string, why: RegExp) => ({ ok: false, denial: { code, message: expect.stringMatching(why) } });
const matchInvalid = (why: RegExp) => matchRefusal("statement_invalid", why);

test("an attested statement yields the approver, the office and the roles, and counts", async () => {
  const statement = buildStatement(about);
  expect(await judge(charter, about, signStatement(statement))).toEqual({
    ok: true,
    value: {
      statement,
      statement_digest: hashStatement(statement),
      ...BOB,
      kind: "person",
      office_id: "office::default",
      roles: ["maintainer"],
      step_up: false,
      counter: null,
      admission: { counts: true, reasons: [expect.objectContaining({ rule: "statement.counts" })] },
    },
  });
});

test("an app can make a statement and is not a person", async () => {
  expect(await judge(charter, about, signStatement(buildStatement(about, { approver: APP })))).toMatchObject({
    ok: true,
    value: { kind: "app", person_id: BOB.person_id, admission: { counts: false, reasons: [{ rule: "actor.not_person" }] } },
  });
});

describe("the step-up of a statement", () => {
  const judgeAtL4 = (signed: SignedStatement) => judge(charter, atL4, signed);

  test("is verified with the charter's passkey, as often as the statement is judged", async () => {
    const signed = signStatement(buildStatement(atL4), passkeys.bob);
    for (const _ of [1, 2])
      expect(await judgeAtL4(signed)).toMatchObject({ ok: true, value: { step_up: true, counter: 1, admission: { counts: true } } });
  });

  test("can be made by ogr, with an origin that no page can have", async () => {
    expect(await judgeAtL4(signStatement(buildStatement(atL4), passkeys.bob, TERMINAL_ORIGIN))).toMatchObject({ ok: true });
  });

  // An app's token and the passkey of the person who is responsible for it.
  test("is refused for an app with the responsible person's passkey", async () => {
    const signed = signStatement(buildStatement(about, { approver: APP }), passkeys.bob);
    expect(await judge(charter, about, signed)).toMatchObject(matchRefusal("step_up_invalid", /not a person/));
  });

  // A stolen token of an approver must not be able to stop every act.
  test("is required for an approval and for a rejection at L4, and for no withdrawal", async () => {
    for (const decision of ["approve", "reject"] as const)
      expect(await judgeAtL4(signStatement(buildStatement(atL4, { decision })))).toMatchObject(matchRefusal("step_up_required", /L4/));
    for (const signed of [
      signStatement(buildStatement(atL4, { decision: "reject" }), passkeys.bob),
      signStatement(buildStatement(atL4, { decision: "withdraw" })),
    ])
      expect(await judgeAtL4(signed)).toMatchObject({ ok: true, value: { admission: { counts: true } } });
  });

  test("is denied if it is invalid, even if none is required", async () => {
    const { assertion } = signStatement(buildStatement(about, { card_id: "k-another" }), passkeys.bob);
    expect(await judge(charter, about, { ...signStatement(buildStatement(about)), assertion })).toMatchObject(
      matchRefusal("step_up_invalid", /digest of this statement/),
    );
  });

  test("is refused with another person's passkey and with one that is not in the charter, with the same message", async () => {
    const statement = buildStatement(atL4, { approver: toActorId("carol") });
    const outcome = await judgeAtL4(signStatement(statement, passkeys.bob));
    expect(outcome).toMatchObject(matchRefusal("step_up_invalid", /not one of this person's in the charter/));
    expect(await judgeAtL4(signStatement(buildStatement(atL4), passkeys.unknown))).toEqual(outcome);
  });

  test("is refused with a passkey that a later version of the charter removed", async () => {
    const signed = signStatement(buildStatement(atL4), passkeys.bob);
    expect(await judgeAtL4(signed)).toMatchObject({ ok: true });
    changeMembers(charter, { persons: { [BOB.person_id]: { ...people.bob, passkeys: [passkeys.weak.record] } } });
    expect(await judgeAtL4(signed)).toMatchObject(matchRefusal("step_up_invalid", /not one of this person's in the charter/));
  });

  test("is refused under the id of a passkey in the charter if another key signed it", async () => {
    const stolenId = { ...passkeys.unknown, own: { ...passkeys.unknown.own, credential_id: passkeys.bob.own.credential_id } };
    expect(await judgeAtL4(signStatement(buildStatement(atL4), stolenId))).toMatchObject(
      matchRefusal("step_up_invalid", /signature does not verify/),
    );
  });

  test("is refused at a level above the one up to which the passkey counts", async () => {
    const above = matchRefusal("step_up_invalid", /counts up to L3, and this act is L4/);
    expect(await judgeAtL4(signStatement(buildStatement(atL4), passkeys.weak))).toMatchObject(above);
    expect(await judge(charter, about, signStatement(buildStatement(about), passkeys.weak))).toMatchObject({
      ok: true,
      value: { step_up: true },
    });
  });

  test("is refused with a passkey with which people only sign in", async () => {
    expect(await judgeAtL4(signStatement(buildStatement(atL4), passkeys.signIn))).toMatchObject(
      matchRefusal("step_up_invalid", /passkeys of sign-in\.example do not count for approvals/),
    );
  });

  test("is refused if it was made for another relying party than the charter lists for the passkey", async () => {
    const elsewhere = createCharterPasskey("bob", { relying_party: "evil.example" });
    const phished = { ...passkeys.bob, own: { ...passkeys.bob.own, rp_id: elsewhere.own.rp_id } };
    expect(await judgeAtL4(signStatement(buildStatement(atL4), phished))).toMatchObject(matchRefusal("step_up_invalid", /origin/));
  });
});

test("a statement about another plan is refused with both digests", async () => {
  const plan_digest = hashBlake3Hex(Buffer.from("an older plan"));
  const outcome = await judge(charter, about, signStatement(buildStatement(about, { plan_digest })));
  expect(outcome).toMatchObject(matchInvalid(new RegExp(`${plan_digest}.*${about.planned.plan_digest}`)));
});

test("a statement about another content of the same card is refused", async () => {
  const other = await buildRound(charter, { intent: "Register another project." });
  expect(hashCard(other.card)).not.toBe(hashCard(about.card));
  const signed = signStatement(buildStatement(about, { card_digest: hashCard(other.card) }));
  expect(await judge(charter, about, signed)).toMatchObject(matchInvalid(/another content of the card k-demo/));
  expect(await judge(charter, other, signStatement(buildStatement(about)))).toMatchObject(matchInvalid(/another content of the card/));
});

test("a statement about another round is refused, even if the plan is the same", async () => {
  for (const round of [about.round - 1, about.round + 1])
    expect(await judge(charter, about, signStatement(buildStatement(about, { round })))).toMatchObject(
      matchInvalid(new RegExp(`round ${round} of the card, which is in round ${about.round}`)),
    );
});

test("a statement is valid until its `not_after` and no longer", async () => {
  const signed = signStatement(buildStatement(about, { not_after: NOW_MS }));
  expect(await judge(charter, about, signed)).toMatchObject({ ok: true });
  expect(await judge(charter, about, signed, { used_at_ms: NOW_MS + 1 })).toMatchObject(matchInvalid(/expired at 2026-11-22/));
});

test("a statement that counted in time is valid when it is judged later", async () => {
  const signed = signStatement(buildStatement(about, { not_after: NOW_MS }));
  expect(await judge(charter, about, signed, { at_ms: NOW_MS + 3_600_000 })).toMatchObject({ ok: true });
});

test("a statement that was changed after its attestation is refused", async () => {
  const signed = signStatement(buildStatement(about, { decision: "reject" }));
  const changed = { ...signed, statement: { ...signed.statement, decision: "approve" } };
  expect(await judge(charter, about, changed)).toMatchObject(matchInvalid(/signature/));
});

test("a statement attested by an untrusted key, or under another key's kid, is refused", async () => {
  const stranger = createTestKey();
  const judgeSignedBy = (key: typeof stranger) => judge(charter, about, attestStatement(buildStatement(about), key));
  expect(await judgeSignedBy(stranger)).toMatchObject(matchInvalid(/not trusted/));
  expect(await judgeSignedBy({ ...stranger, kid: apiKey.kid })).toMatchObject(matchInvalid(/signature/));
});

test("a statement attested by a key that the charter lists for another use or has revoked is refused", async () => {
  expect(await judge(charter, about, attestStatement(buildStatement(about), permitKey))).toMatchObject(matchInvalid(/not trusted/));
  const signed = signStatement(buildStatement(about));
  expect(await judge(charter, about, signed)).toMatchObject({ ok: true });
  const next = { use: "statement", jwk: createTestKey().jwk, revoked: false } as const;
  charter.append({ jobType: "registry.keys.rotate", params: { add: [next], revoke: [apiKey.kid] } });
  expect(await judge(charter, about, signed)).toMatchObject(matchInvalid(/not trusted/));
});

test.each<[string, Partial<Statement>, RegExp]>([
  ["another tenant", { tenant_id: "T.Other" }, /tenant T\.Other, not T\.UBL/],
  ["another card", { card_id: "k-another" }, /card k-another, not k-demo/],
  ["an unknown actor", { approver: "ubl:sid:person:nobody" }, /not an active actor/],
  ["an unknown service of the registry", { approver: "ubl:sid:app:registry.other" }, /not an active actor/],
  ["a service of the registry through another office", { approver: TELEMETRY_ACTOR_ID }, /does not hold/],
  ["an office that the approver does not hold", { approver: toActorId("carol"), office_id: "office:security" }, /does not hold/],
])("a statement of %s is refused", async (_, members, why) => {
  expect(await judge(charter, about, signStatement(buildStatement(about, members)))).toMatchObject(matchInvalid(why));
});

describe("a statement made earlier is refused", () => {
  const carol = buildActor(toPersonId("carol"));
  const noActor = matchInvalid(/not an active actor/);

  /** Expects that the approver's statement is valid and that it is not after the change of the charter. */
  async function expectEnded(approver: string, params: Parameters<typeof changeMembers>[1]): Promise<void> {
    const signed = signStatement(buildStatement(about, { approver }));
    expect(await judge(charter, about, signed)).toMatchObject({ ok: true });
    changeMembers(charter, params);
    expect(await judge(charter, about, signed)).toMatchObject(noActor);
  }

  test("once its actor is disabled", () =>
    expectEnded(toActorId("carol"), { actors: { [toActorId("carol")]: { ...carol, disabled: true } } }));

  test("once its person is disabled", () =>
    expectEnded(toActorId("carol"), { persons: { [toPersonId("carol")]: { ...people.carol, disabled: true } } }));

  test("if it is an agent's, once the responsible person is disabled", () =>
    expectEnded(AGENT, { persons: { [toPersonId("carol")]: { ...people.carol, disabled: true } } }));

  test("once its approver has lost the office", async () => {
    const signed = signStatement(buildStatement(about, { approver: toActorId("carol") }));
    expect(await judge(charter, about, signed)).toMatchObject({ ok: true });
    changeMembers(charter, { actors: { [toActorId("carol")]: { ...carol, offices: [] } } });
    expect(await judge(charter, about, signed)).toMatchObject(matchInvalid(/does not hold the office office::default/));
  });

  test("once the time until which its approver holds the office has passed", async () => {
    const signed = signStatement(buildStatement(about, { office_id: "office:security" }));
    expect(await judge(charter, about, signed, { at_ms: SECURITY_UNTIL_MS - 1 })).toMatchObject({ ok: true, value: { roles: [] } });
    // The office counts at the time of the judgement, whenever the statement was made.
    expect(await judge(charter, about, signed, { at_ms: SECURITY_UNTIL_MS })).toMatchObject(matchInvalid(/does not hold the office/));
  });
});

test("a malformed statement is refused with the name of its field and never throws", async () => {
  for (const candidate of [undefined, null, 7, "x", [], {}])
    expect(await judge(charter, about, candidate)).toMatchObject({ ok: false, denial: { code: "statement_invalid" } });
  const signed = signStatement(buildStatement(about));
  expect(await judge(charter, about, { ...signed, extra: 1 })).toMatchObject(matchInvalid(/extra/));
  const withMember = (member: object) => ({ ...signed, statement: { ...signed.statement, ...member } });
  for (const [member, why] of [
    [{ decision: "maybe" }, /statement\.decision/],
    [{ round: -1 }, /statement\.round/],
    [{ round: 0 }, /statement\.plan_digest/],
    [{ round: 1, plan_digest: null }, /statement\.plan_digest/],
    [{ round: 0, plan_digest: null }, /statement\.decision: Only a plan can be approved/],
    [{ card_digest: undefined }, /statement\.card_digest/],
  ] as const)
    expect(await judge(charter, about, withMember(member))).toMatchObject(matchInvalid(why));
});

test("an attested statement verifies with only the public key", async () => {
  const { statement, attestor } = signStatement(buildStatement(about));
  const keys = (await readCharter(charter)).listKeys("statement");
  expect(keys).toEqual({ keys: [apiKey.jwk] });
  expect(verifySignedObject("statement", { ...statement, ...attestor }, keys)).toBe("valid");
  expect(verifySignedObject("statement", { ...statement, ...attestor }, { keys: [] })).toBe("key_unknown");
  expect(verifySignedObject("statement", { ...buildStatement(about), ...attestor }, keys)).toBe("signature_invalid");
});
