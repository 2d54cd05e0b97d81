import { afterAll, beforeAll, expect, test } from "vitest";
import { hashBlake3Hex } from "../../../src/domain/bytes/hash.js";
import type { SigningKey } from "../../../src/domain/bytes/signature.js";
import { computeStatementChallenge, hashStatement, type SignedStatement, type Statement } from "../../../src/domain/card/statement.js";
import { createActor } from "../../../src/lab256/identity/actors.js";
import { putMembership } from "../../../src/lab256/identity/memberships.js";
import { type StatementContext, verifyStatement } from "../../../src/lab256/identity/passkeys/statement-verification.js";
import { attestStatement, verifyAttestedStatement } from "../../../src/lab256/identity/passkeys/statements.js";
import type { Passkey } from "../../../src/passkey/authenticator.js";
import { assertPasskey } from "../../../src/passkey/client.js";
import { disableActor } from "../../harness/identity.js";
import {
  ADMIN,
  buildStatement,
  CI,
  createSigningKey,
  MIRA,
  NOW_MS,
  ORIGIN,
  openPeople,
  type People,
  PLAN_DIGEST,
  RP,
  registerTestPasskey,
} from "./people.js";

let people: People;
let passkey: Passkey;
let key: SigningKey;
beforeAll(async () => {
  people = await openPeople("statements");
  passkey = await registerTestPasskey(people.db, ADMIN.person_id);
  key = createSigningKey();
});
afterAll(() => people.close());

const CONTEXT: StatementContext = {
  tenant_id: "T.UBL",
  card_id: "k-release",
  currentPlanDigest: PLAN_DIGEST,
  level: "L3",
  needsStepUp: false,
  nowMs: NOW_MS,
};

const verify = (candidate: unknown, context: Partial<StatementContext> = {}) =>
  verifyStatement({ db: people.db, jwks: { keys: [key.jwk] }, rp: RP }, candidate, { ...CONTEXT, ...context });

function attestWithStepUp(statement: Statement): SignedStatement {
  const used = assertPasskey(passkey, computeStatementChallenge(statement), ORIGIN, RP.id);
  passkey = used.passkey;
  return { ...attestStatement(statement, key), assertion: used.assertion };
}

const matchRefusal = (code: string, why: RegExp) => ({ ok: false, denial: { code, message: expect.stringMatching(why) } });

test("an attested statement yields the approver, the office and the roles", async () => {
  const statement = buildStatement();
  expect(await verify(attestStatement(statement, key))).toEqual({
    ok: true,
    value: {
      statement,
      statement_digest: hashStatement(statement),
      ...ADMIN,
      kind: "person",
      office_id: "office::default",
      roles: ["maintainer"],
      member_offices: ["office::default", "office:security"],
      step_up: false,
    },
  });
});

// An app's token and the passkey of the person who is responsible for it.
test("a statement by an app is refused with a step-up by the responsible person's passkey", async () => {
  expect(await verify(attestWithStepUp(buildStatement({ approver: CI })))).toMatchObject(matchRefusal("step_up_invalid", /not a person/));
});

test("an app can make a statement and is not a person", async () => {
  expect(await verify(attestStatement(buildStatement({ approver: CI }), key))).toMatchObject({
    ok: true,
    value: { kind: "app", person_id: ADMIN.person_id },
  });
});

test("a statement with a step-up can be verified more than once", async () => {
  const signed = attestWithStepUp(buildStatement());
  for (const _ of [1, 2])
    expect(await verify(signed, { level: "L4", needsStepUp: true })).toMatchObject({ ok: true, value: { step_up: true } });
});

test("a statement without a required step-up is refused as step_up_required", async () => {
  expect(await verify(attestStatement(buildStatement(), key), { level: "L4", needsStepUp: true })).toMatchObject(
    matchRefusal("step_up_required", /L4/),
  );
});

test("an invalid assertion is denied even if no step-up is required", async () => {
  const { assertion } = attestWithStepUp(buildStatement({ card_id: "k-another" }));
  expect(await verify({ ...attestStatement(buildStatement(), key), assertion })).toMatchObject(
    matchRefusal("step_up_invalid", /digest of this statement/),
  );
});

test("a statement with another person's assertion is refused", async () => {
  const statement = buildStatement({ approver: MIRA.actor_id });
  expect(await verify(attestWithStepUp(statement))).toMatchObject(matchRefusal("step_up_invalid", /this person's/));
});

test("a statement about another plan is refused with both digests", async () => {
  const plan_digest = hashBlake3Hex(Buffer.from("an older plan"));
  const outcome = await verify(attestStatement(buildStatement({ plan_digest }), key));
  expect(outcome).toMatchObject(matchRefusal("statement_invalid", new RegExp(`${plan_digest}.*${PLAN_DIGEST}`)));
});

test("a statement is valid until the millisecond before its expiry", async () => {
  const signed = attestStatement(buildStatement({ not_after: NOW_MS }), key);
  expect(await verify(signed)).toMatchObject({ ok: true });
  expect(await verify(signed, { nowMs: NOW_MS + 1 })).toMatchObject(matchRefusal("statement_invalid", /expired at 2026-11-22/));
});

test("a statement that was changed after its attestation is refused", async () => {
  const signed = attestStatement(buildStatement({ decision: "reject" }), key);
  const changed = { ...signed, statement: { ...signed.statement, decision: "approve" } };
  expect(await verify(changed)).toMatchObject(matchRefusal("statement_invalid", /signature/));
});

test("a statement attested by an untrusted key, or under another key's kid, is refused", async () => {
  const stranger = createSigningKey();
  expect(await verify(attestStatement(buildStatement(), stranger))).toMatchObject(matchRefusal("statement_invalid", /not trusted/));
  expect(await verify(attestStatement(buildStatement(), { ...stranger, kid: key.kid }))).toMatchObject(
    matchRefusal("statement_invalid", /signature/),
  );
});

test.each<[string, Partial<Statement>, RegExp]>([
  ["another tenant", { tenant_id: "T.Other" }, /tenant T\.Other, not T\.UBL/],
  ["another card", { card_id: "k-another" }, /card k-another, not k-release/],
  ["an unknown actor", { approver: "ubl:sid:person:nobody" }, /not an active actor/],
  ["an office that the approver does not hold", { approver: MIRA.actor_id, office_id: "office:security" }, /does not hold/],
])("a statement of %s is refused", async (_, members, why) => {
  expect(await verify(attestStatement(buildStatement(members), key))).toMatchObject(matchRefusal("statement_invalid", why));
});

test("a disabled actor's statement is refused, also if it was made earlier", async () => {
  const approver = "ubl:sid:person:leaving";
  await createActor(people.db, { tenant_id: "T.UBL", actor_id: approver, person_id: "person:leaving", display_name: "Leaving" });
  await putMembership(people.db, "T.UBL", approver, { office_id: "office::default", roles: [] });
  const signed = attestStatement(buildStatement({ approver }), key);
  expect(await verify(signed)).toMatchObject({ ok: true });
  await disableActor(people.db, "T.UBL", approver, NOW_MS);
  expect(await verify(signed)).toMatchObject(matchRefusal("statement_invalid", /not an active actor/));
});

test("a malformed statement is refused with the name of its field and never throws", async () => {
  for (const candidate of [undefined, null, 7, "x", [], {}])
    expect(await verify(candidate)).toMatchObject({ ok: false, denial: { code: "statement_invalid" } });
  const signed = attestStatement(buildStatement(), key);
  expect(await verify({ ...signed, extra: 1 })).toMatchObject(matchRefusal("statement_invalid", /extra/));
  expect(await verify({ ...signed, statement: { ...signed.statement, decision: "maybe" } })).toMatchObject(
    matchRefusal("statement_invalid", /statement\.decision/),
  );
});

test("an attested statement verifies with only the public key", () => {
  const signed = attestStatement(buildStatement(), key);
  expect(verifyAttestedStatement(signed, { keys: [key.jwk] })).toBe("valid");
  expect(verifyAttestedStatement(signed, { keys: [] })).toBe("key_unknown");
  expect(verifyAttestedStatement({ ...signed, statement: buildStatement() }, { keys: [key.jwk] })).toBe("signature_invalid");
});
