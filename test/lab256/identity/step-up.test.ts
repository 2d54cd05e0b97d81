import { afterAll, beforeAll, expect, test } from "vitest";
import { type Assertion, computeStatementChallenge, hashStatement, type Statement } from "../../../src/domain/card/statement.js";
import { acceptStepUp, createStepUpOptions, verifyOwnAssertion } from "../../../src/lab256/identity/passkeys/step-up.js";
import type { Passkey } from "../../../src/passkey/authenticator.js";
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

const verify = (assertion: Assertion, about: Statement = statement, person_id = ADMIN.person_id, tenant_id = "T.UBL") =>
  verifyOwnAssertion(people.db, assertion, {
    tenant_id,
    challenge: computeStatementChallenge(about),
    digest: hashStatement(about),
    what: "the digest of this statement",
    person_id,
    rp: RP,
  });

/** Refused attempts do not change the stored counter, so each of them can use the next one. */
const forgeMembers = (members: Partial<Forgery> = {}) =>
  forgeAssertion({ passkey, challenge: computeStatementChallenge(statement), origin: ORIGIN, counter: 1_000, ...members });

const matchRefusal = (why: RegExp) => ({ ok: false, denial: { code: "step_up_invalid", message: expect.stringMatching(why) } });

const readStoredCounter = async (of: Passkey = passkey) =>
  (await people.db.selectFrom("passkeys").select("counter").where("credential_id", "=", of.credential_id).executeTakeFirstOrThrow())
    .counter;

test("an assertion by the person's passkey is accepted for its statement, also when it is verified again", async () => {
  const own = await registerTestPasskey(people.db, MIRA.person_id);
  const about = buildStatement({ approver: MIRA.actor_id });
  const options = await createStepUpOptions(people.db, { statement: about, person_id: MIRA.person_id, rp: RP, counting: [own] });
  expect(options).toMatchObject({ rpId: RP.id, userVerification: "required", allowCredentials: [{ id: own.credential_id }] });
  const { assertion } = assertPasskey(own, options, ORIGIN, RP.id);
  const granted = { ok: true, value: null };
  expect(await verify(assertion, about, MIRA.person_id)).toEqual(granted);
  expect(await readStoredCounter(own)).toBe(1);
  expect(await verify(assertion, about, MIRA.person_id)).toEqual(granted);
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

test("an assertion that fails a check moves no counter", async () => {
  for (const members of [{ origin: "https://registry.example.evil" }, { passkey: { ...passkey, user_handle: "AAAA" } }])
    expect(await verify(forgeMembers(members))).toMatchObject({ ok: false, denial: { code: "step_up_invalid" } });
  expect(await readStoredCounter()).toBe(0);
});

test("an assertion that was verified elsewhere is accepted once, and another one only with a higher counter", async () => {
  const own = await registerTestPasskey(people.db, ADMIN.person_id);
  const accept = (about: Statement, counter: number) => {
    const assertion = forgeMembers({ passkey: own, counter, challenge: computeStatementChallenge(about) });
    return acceptStepUp(people.db, { tenant_id: "T.UBL", assertion, counter, digest: hashStatement(about) });
  };
  const [first, second] = [buildStatement(), buildStatement()];
  for (const _ of [1, 2]) expect(await accept(first, 3)).toEqual({ ok: true, value: null });
  expect(await accept(second, 3)).toMatchObject(matchRefusal(/counter 3 is not above/));
  expect(await accept(second, 4)).toEqual({ ok: true, value: null });
  // A retried step.
  expect(await accept(first, 3)).toEqual({ ok: true, value: null });
  expect(await readStoredCounter(own)).toBe(4);
});

test("an assertion that was verified elsewhere is refused with the next step while its passkey is disabled or unknown here", async () => {
  const own = await registerTestPasskey(people.db, ADMIN.person_id);
  await disablePasskey(people.db, ADMIN.person_id, own.credential_id, 0);
  for (const credential_id of [own.credential_id, "AAAA"]) {
    const assertion = forgeMembers({ passkey: { ...own, credential_id }, counter: 1 });
    const accepted = await acceptStepUp(people.db, { tenant_id: "T.UBL", assertion, counter: 1, digest: hashStatement(statement) });
    expect(accepted).toMatchObject(matchRefusal(/has not recorded yet that the charter lists the passkey; try again/));
  }
});

test("an accepted assertion cannot be replayed for a different statement", async () => {
  const own = await registerTestPasskey(people.db, ADMIN.person_id);
  const { assertion } = assertPasskey(own, computeStatementChallenge(statement), ORIGIN, RP.id);
  expect(await verify(assertion)).toMatchObject({ ok: true });
  expect(await verify(assertion, buildStatement({ decision: "withdraw" }))).toMatchObject(matchRefusal(/digest of this statement/));
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

test("a person's passkey of another tenant is refused, and is not offered", async () => {
  const own = await registerTestPasskey(people.db, ADMIN.person_id);
  expect(await verify(forgeMembers({ passkey: own }), statement, ADMIN.person_id, "T.OTHER")).toMatchObject(
    matchRefusal(/not one of this person's/),
  );
  const { allowCredentials } = await createStepUpOptions(people.db, {
    statement: { ...statement, tenant_id: "T.OTHER" },
    person_id: ADMIN.person_id,
    rp: RP,
    counting: [own],
  });
  expect(allowCredentials).toEqual([]);
});

test("a disabled passkey is refused, is no longer offered, and cannot be disabled by another person", async () => {
  const own = await registerTestPasskey(people.db, ADMIN.person_id);
  expect(await disablePasskey(people.db, MIRA.person_id, own.credential_id, 0)).toBe(false);
  expect(await disablePasskey(people.db, ADMIN.person_id, own.credential_id, 0)).toBe(true);
  expect(await verify(forgeMembers({ passkey: own }))).toMatchObject(matchRefusal(/disabled/));
  const { allowCredentials } = await createStepUpOptions(people.db, { statement, person_id: ADMIN.person_id, rp: RP, counting: [own] });
  expect(allowCredentials?.map((credential) => credential.id)).not.toContain(own.credential_id);
});
