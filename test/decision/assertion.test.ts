import { expect, test } from "vitest";
import { computeUserHandle, type ExpectedAssertion, verifyAssertion } from "../../src/decision/assertion.js";
import { hashBlake3 } from "../../src/domain/bytes/hash.js";
import type { Assertion } from "../../src/domain/card/statement.js";
import { TERMINAL_ORIGIN } from "../../src/domain/charter/passkeys.js";
import { encodePublicKey, FLAGS, generatePasskey, type Passkey } from "../../src/passkey/authenticator.js";
import { assertPasskey } from "../../src/passkey/client.js";
import { type Forgery, forgeAssertion } from "../lab256/identity/forged-assertion.js";

const PERSON = "person:bob";
const ORIGIN = "https://registry.example";
const RP = { id: "registry.example", origins: [ORIGIN] };
const CHALLENGE = hashBlake3(Buffer.from("a statement"));
const passkey = createPasskey(PERSON);

function createPasskey(person: string): Passkey {
  return generatePasskey(RP.id, { handle: Buffer.from(computeUserHandle(person)).toString("base64url"), name: person });
}

const verify = (assertion: Assertion, expected: Partial<ExpectedAssertion> = {}) =>
  verifyAssertion(assertion, {
    ...{ challenge: CHALLENGE, what: "the digest of this statement", person_id: PERSON, rp: RP },
    ...{ publicKey: encodePublicKey(passkey) },
    ...expected,
  });

const forgeMembers = (members: Partial<Forgery> = {}) => forgeAssertion({ passkey, challenge: CHALLENGE, origin: ORIGIN, ...members });

const matchRefusal = (why: RegExp) => ({ ok: false, denial: { code: "step_up_invalid", message: expect.stringMatching(why) } });

/** Returns the bytes with one bit of byte `at` flipped. */
function tamperWith(encoded: string, at: number): string {
  const bytes = Buffer.from(encoded, "base64url");
  bytes.writeUInt8(bytes.readUInt8(at) ^ 1, at);
  return bytes.toString("base64url");
}

test("an assertion by the person's passkey yields its counter, as often as it is verified", async () => {
  const { assertion } = assertPasskey({ ...passkey, counter: 6 }, CHALLENGE, ORIGIN, RP.id);
  for (const _ of [1, 2]) expect(await verify(assertion)).toEqual({ ok: true, value: 7 });
});

test("an assertion without a user handle is accepted, as the authenticator may omit it", async () => {
  const { response, ...assertion } = forgeMembers();
  const { userHandle: _, ...required } = response;
  expect(await verify({ ...assertion, response: required })).toMatchObject({ ok: true });
});

test("an assertion of another challenge is refused", async () => {
  const challenge = hashBlake3(Buffer.from("another statement"));
  expect(await verify(forgeMembers({ challenge }))).toMatchObject(matchRefusal(/its challenge is not the digest of this statement/));
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
});

test("another key's signature is refused", async () => {
  const { signature } = forgeMembers({ passkey: { ...passkey, key: createPasskey(PERSON).key } }).response;
  const assertion = forgeMembers();
  expect(await verify({ ...assertion, response: { ...assertion.response, signature } })).toMatchObject(
    matchRefusal(/signature does not verify/),
  );
});

test.each<[string, Partial<Forgery>, RegExp]>([
  ["another origin", { origin: "https://registry.example.evil" }, /origin/],
  ["the same host over http", { origin: "http://registry.example" }, /origin/],
  ["the origin of ogr, which this relying party does not list", { origin: TERMINAL_ORIGIN }, /origin/],
  ["another relying party", { rpId: "evil.example" }, /RP ID/],
  ["no user verification", { flags: FLAGS.userPresent }, /User verification/],
  ["no user presence", { flags: FLAGS.userVerified }, /not present/],
  ["a registration's client data", { clientData: { type: "webauthn.create" } }, /type/],
  ["a frame of another origin", { clientData: { crossOrigin: true } }, /another origin/],
])("an assertion with %s is refused", async (_, members, why) => {
  expect(await verify(forgeMembers(members))).toMatchObject(matchRefusal(why));
});

test("an assertion is accepted from each origin of the relying party, also one that no page can have", async () => {
  const rp = { ...RP, origins: [ORIGIN, TERMINAL_ORIGIN] };
  for (const origin of rp.origins) expect(await verify(forgeMembers({ origin }), { rp })).toMatchObject({ ok: true });
});

test("the counter is returned, 0 for an authenticator without one", async () => {
  for (const counter of [6, 0]) expect(await verify(forgeMembers({ counter }))).toEqual({ ok: true, value: counter });
  expect(await verify(forgeMembers({ counter: 0 }))).toEqual({ ok: true, value: 0 });
});

test("another person's user handle is refused", async () => {
  for (const user_handle of ["AAAA", createPasskey("person:carol").user_handle])
    expect(await verify(forgeMembers({ passkey: { ...passkey, user_handle } }))).toMatchObject(matchRefusal(/user handle/));
});

test("an invalid value in any member is denied and never throws", async () => {
  const assertion = forgeMembers();
  for (const member of ["clientDataJSON", "authenticatorData", "signature"] as const)
    for (const garbage of ["", "AAAA", "!!!", "e30", Buffer.from("null").toString("base64url")])
      expect(await verify({ ...assertion, response: { ...assertion.response, [member]: garbage } })).toMatchObject({
        ok: false,
        denial: { code: "step_up_invalid" },
      });
  for (const publicKey of [new Uint8Array(), Buffer.from("not a COSE_Key"), encodePublicKey(passkey).subarray(0, 40)])
    expect(await verify(assertion, { publicKey })).toMatchObject({ ok: false, denial: { code: "step_up_invalid" } });
});
