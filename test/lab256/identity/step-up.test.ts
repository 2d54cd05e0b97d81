import { afterAll, beforeAll, expect, test } from "vitest";
import { type Assertion, computeStatementChallenge, type Statement } from "../../../src/domain/card/statement.js";
import { TERMINAL_ORIGIN } from "../../../src/domain/charter/passkeys.js";
import { createStepUpOptions, verifyStepUp } from "../../../src/lab256/identity/passkeys/step-up.js";
import { FLAGS, type Passkey } from "../../../src/passkey/authenticator.js";
import { assertPasskey } from "../../../src/passkey/client.js";
import { disablePasskey } from "../../harness/identity.js";
import { type Forgery, forgeAssertion } from "./forged-assertion.js";
import { ADMIN, buildStatement, MIRA, ORIGIN, openPeople, type People, RP, registerTestPasskey } from "./people.js";

let people: People;
let passkey: Passkey;
let statement: Statement;
beforeAll(async () => {
  people = await openPeople("step_up");
  passkey = await registerTestPasskey(people.db, ADMIN.person_id);
  statement = buildStatement();
});
afterAll(() => people.close());

const verify = (assertion: Assertion, about: Statement = statement, person_id = ADMIN.person_id) =>
  verifyStepUp(people.db, { statement: about, assertion, person_id, rp: RP });

/** Refused attempts do not change the stored counter, so each of them can use the next one. */
const forgeMembers = (members: Partial<Forgery> = {}) =>
  forgeAssertion({ passkey, challenge: computeStatementChallenge(statement), origin: ORIGIN, counter: 1_000, ...members });

const matchRefusal = (why: RegExp) => ({ ok: false, denial: { code: "step_up_invalid", message: expect.stringMatching(why) } });

const readStoredCounter = async (of: Passkey = passkey) =>
  (await people.db.selectFrom("passkeys").select("counter").where("credential_id", "=", of.credential_id).executeTakeFirstOrThrow())
    .counter;

/** Returns the bytes with one bit of byte `at` flipped. */
function tamperWith(encoded: string, at: number): string {
  const bytes = Buffer.from(encoded, "base64url");
  bytes.writeUInt8(bytes.readUInt8(at) ^ 1, at);
  return bytes.toString("base64url");
}

test("an assertion by the person's passkey is accepted for its statement, also when it is verified again", async () => {
  const own = await registerTestPasskey(people.db, MIRA.person_id);
  const about = buildStatement({ approver: MIRA.actor_id });
  const options = await createStepUpOptions(people.db, { statement: about, person_id: MIRA.person_id, rp: RP });
  expect(options).toMatchObject({ rpId: RP.id, userVerification: "required", allowCredentials: [{ id: own.credential_id }] });
  const { assertion } = assertPasskey(own, options, ORIGIN, RP.id);
  const granted = { ok: true, value: { credential_id: own.credential_id } };
  expect(await verify(assertion, about, MIRA.person_id)).toEqual(granted);
  expect(await readStoredCounter(own)).toBe(1);
  expect(await verify(assertion, about, MIRA.person_id)).toEqual(granted);
});

test("an assertion by ogr, with the origin that no page can have, is accepted for a statement", async () => {
  const own = await registerTestPasskey(people.db, MIRA.person_id);
  const about = buildStatement({ approver: MIRA.actor_id });
  const { assertion } = assertPasskey(own, computeStatementChallenge(about), TERMINAL_ORIGIN, RP.id);
  expect(await verify(assertion, about, MIRA.person_id)).toMatchObject({ ok: true });
});

test("eight concurrent verifications of one assertion all accept it", async () => {
  const own = await registerTestPasskey(people.db, MIRA.person_id);
  const about = buildStatement({ approver: MIRA.actor_id });
  const { assertion } = assertPasskey(own, computeStatementChallenge(about), ORIGIN, RP.id);
  const outcomes = await Promise.all(Array.from({ length: 8 }, () => verify(assertion, about, MIRA.person_id)));
  expect(outcomes.every((outcome) => outcome.ok)).toBe(true);
});

test("one of two concurrent assertions with the same counter is refused", async () => {
  const own = await registerTestPasskey(people.db, MIRA.person_id);
  const abouts = [buildStatement({ approver: MIRA.actor_id }), buildStatement({ approver: MIRA.actor_id })];
  const outcomes = await Promise.all(
    abouts.map((about) => verify(assertPasskey(own, computeStatementChallenge(about), ORIGIN, RP.id).assertion, about, MIRA.person_id)),
  );
  expect(outcomes.filter((outcome) => outcome.ok)).toHaveLength(1);
});

test("an accepted assertion cannot be replayed for a different statement", async () => {
  const own = await registerTestPasskey(people.db, ADMIN.person_id);
  const { assertion } = assertPasskey(own, computeStatementChallenge(statement), ORIGIN, RP.id);
  expect(await verify(assertion)).toMatchObject({ ok: true });
  expect(await verify(assertion, buildStatement({ decision: "withdraw" }))).toMatchObject(matchRefusal(/digest of this statement/));
});

test("another card's assertion is refused", async () => {
  const challenge = computeStatementChallenge({ ...statement, card_id: "k-another" });
  expect(await verify(forgeMembers({ challenge }))).toMatchObject(matchRefusal(/digest of this statement/));
});

test("tampered authenticator data and client data fail the signature", async () => {
  const assertion = forgeMembers();
  const { authenticatorData, clientDataJSON } = assertion.response;
  // The last byte of the counter, and the backup eligibility flag.
  for (const at of [36, 35]) {
    const response = { ...assertion.response, authenticatorData: tamperWith(authenticatorData, at) };
    expect(await verify({ ...assertion, response })).toMatchObject(matchRefusal(/signature does not verify/));
  }
  const spaced = Buffer.concat([Buffer.from(clientDataJSON, "base64url"), Buffer.from(" ")]).toString("base64url");
  expect(await verify({ ...assertion, response: { ...assertion.response, clientDataJSON: spaced } })).toMatchObject(
    matchRefusal(/signature does not verify/),
  );
  expect(await readStoredCounter()).toBe(0);
});

test("another key's signature is refused", async () => {
  const stranger = await registerTestPasskey(people.db, MIRA.person_id);
  const { signature } = forgeMembers({ passkey: { ...passkey, key: stranger.key } }).response;
  const assertion = forgeMembers();
  expect(await verify({ ...assertion, response: { ...assertion.response, signature } })).toMatchObject(
    matchRefusal(/signature does not verify/),
  );
});

test.each<[string, Partial<Forgery>, RegExp]>([
  ["another origin", { origin: "https://registry.example.evil" }, /origin/],
  ["the same host over http", { origin: "http://registry.example" }, /origin/],
  ["another relying party", { rpId: "evil.example" }, /RP ID/],
  ["no user verification", { flags: FLAGS.userPresent }, /User verification/],
  ["no user presence", { flags: FLAGS.userVerified }, /not present/],
  ["a registration's client data", { clientData: { type: "webauthn.create" } }, /type/],
  ["a frame of another origin", { clientData: { crossOrigin: true } }, /another origin/],
])("an assertion with %s is refused", async (_, members, why) => {
  expect(await verify(forgeMembers(members))).toMatchObject(matchRefusal(why));
  expect(await readStoredCounter()).toBe(0);
});

test("a counter that does not increase is refused", async () => {
  const own = await registerTestPasskey(people.db, ADMIN.person_id);
  const assertWith = (counter: number, about: Statement) =>
    verify(forgeMembers({ passkey: own, counter, challenge: computeStatementChallenge(about) }), about);
  expect(await assertWith(5, buildStatement())).toMatchObject({ ok: true });
  for (const counter of [5, 4, 0]) expect(await assertWith(counter, buildStatement())).toMatchObject(matchRefusal(/[Cc]ounter/));
  expect(await assertWith(6, buildStatement())).toMatchObject({ ok: true });
});

test("a counter that is always 0 is accepted", async () => {
  const own = await registerTestPasskey(people.db, ADMIN.person_id);
  for (const about of [buildStatement(), buildStatement()])
    expect(await verify(forgeMembers({ passkey: own, counter: 0, challenge: computeStatementChallenge(about) }), about)).toMatchObject({
      ok: true,
    });
});

test("another person's passkey and an unknown passkey are refused with the same message", async () => {
  const theirs = await registerTestPasskey(people.db, MIRA.person_id);
  const outcome = await verify(forgeMembers({ passkey: theirs }));
  expect(outcome).toMatchObject(matchRefusal(/not one of this person's/));
  expect(await verify({ ...forgeMembers(), id: "AAAA", rawId: "AAAA" })).toEqual(outcome);
});

test("another person's user handle is refused", async () => {
  const assertion = forgeMembers({ passkey: { ...passkey, user_handle: "AAAA" } });
  expect(await verify(assertion)).toMatchObject(matchRefusal(/user handle/));
});

test("a disabled passkey is refused, is no longer offered, and cannot be disabled by another person", async () => {
  const own = await registerTestPasskey(people.db, ADMIN.person_id);
  expect(await disablePasskey(people.db, MIRA.person_id, own.credential_id, 0)).toBe(false);
  expect(await disablePasskey(people.db, ADMIN.person_id, own.credential_id, 0)).toBe(true);
  expect(await verify(forgeMembers({ passkey: own }))).toMatchObject(matchRefusal(/disabled/));
  const { allowCredentials } = await createStepUpOptions(people.db, { statement, person_id: ADMIN.person_id, rp: RP });
  expect(allowCredentials?.map((credential) => credential.id)).not.toContain(own.credential_id);
});

test("an invalid value in any member is denied and never throws", async () => {
  const assertion = forgeMembers();
  for (const member of ["clientDataJSON", "authenticatorData", "signature"] as const)
    for (const garbage of ["", "AAAA", "!!!", "e30", Buffer.from("null").toString("base64url")])
      expect(await verify({ ...assertion, response: { ...assertion.response, [member]: garbage } })).toMatchObject({
        ok: false,
        denial: { code: "step_up_invalid" },
      });
});
