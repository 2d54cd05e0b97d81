import { decodeAttestationObject, isoBase64URL, isoCBOR } from "@simplewebauthn/server/helpers";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { computeFurtherPasskeyChallenge } from "../../../src/domain/card/passkey-registration.js";
import { CHALLENGE_TTL_MS } from "../../../src/lab256/identity/passkeys/passkey-challenges.js";
import {
  createRegistrationOptions,
  type RegistrationAnswer,
  registerPasskey,
} from "../../../src/lab256/identity/passkeys/passkey-registration.js";
import { listPasskeys } from "../../../src/lab256/identity/passkeys/passkeys.js";
import { buildAttestationObject, FLAGS, type Passkey } from "../../../src/passkey/authenticator.js";
import { assertPasskey, buildClientData, createPasskey } from "../../../src/passkey/client.js";
import { ADMIN, MIRA, NOW_MS, ORIGIN, openPeople, type People, RP, registerTestPasskey } from "./people.js";

let people: People;
beforeAll(async () => {
  people = await openPeople("registration");
});
afterAll(() => people.close());
// Most tests register a person's first passkey.
beforeEach(() =>
  people.db
    .updateTable("passkeys")
    .set({ disabled_at: new Date(NOW_MS) })
    .where("disabled_at", "is", null)
    .execute(),
);

const createOptions = (person_id = ADMIN.person_id, attested = false) =>
  createRegistrationOptions(people.db, {
    tenant_id: "T.UBL",
    person_id,
    userName: "admin",
    displayName: "Admin",
    rp: { ...RP, name: "Registry" },
    attested,
    nowMs: NOW_MS,
  });

const register = (
  response: unknown,
  { tenant_id = "T.UBL", person_id = ADMIN.person_id, nowMs = NOW_MS, assertion }: Partial<RegistrationAnswer> = {},
) => registerPasskey(people.db, { tenant_id, person_id, name: "laptop", response, assertion, rp: RP, nowMs });

/** Returns an assertion that vouches for this registration. */
const vouchWith = (passkey: Passkey, challenge: string, { id, response }: ReturnType<typeof createPasskey>["response"]) => {
  const made = { challenge, credential_id: id, attestation_object: response.attestationObject };
  return assertPasskey(passkey, computeFurtherPasskeyChallenge(made), ORIGIN, RP.id).assertion;
};

/** Registers with members of `response` replaced. */
async function answerWith(replaced: Record<string, unknown>) {
  const { response } = createPasskey(await createOptions(), ORIGIN);
  return { ...response, response: { ...response.response, ...replaced } };
}

const matchRefusal = (why: RegExp) => ({ ok: false, denial: { code: "step_up_invalid", message: expect.stringMatching(why) } });

test("a software passkey registers, and the next options exclude it", async () => {
  const asked = await createOptions();
  expect(asked).toMatchObject({
    attestation: "none",
    rp: { id: RP.id },
    authenticatorSelection: { residentKey: "required", userVerification: "required" },
  });
  const { passkey, response } = createPasskey(asked, ORIGIN);
  expect(await register(response)).toEqual({ ok: true, value: { credential_id: passkey.credential_id } });
  expect(await listPasskeys(people.db, "T.UBL", ADMIN.person_id)).toMatchObject([
    { credential_id: passkey.credential_id, name: "laptop", disabled: false },
  ]);
  expect((await createOptions()).excludeCredentials).toMatchObject([{ id: passkey.credential_id }]);
});

test("exactly one of eight concurrent uses of one challenge registers a passkey", async () => {
  const asked = await createOptions(MIRA.person_id);
  const outcomes = await Promise.all(
    Array.from({ length: 8 }, () => register(createPasskey(asked, ORIGIN).response, { person_id: MIRA.person_id })),
  );
  expect(outcomes.filter((outcome) => outcome.ok)).toHaveLength(1);
  expect(await listPasskeys(people.db, "T.UBL", MIRA.person_id)).toHaveLength(1);
});

test("a challenge that is another person's, expired or unknown registers no passkey", async () => {
  const { response } = createPasskey(await createOptions(), ORIGIN);
  expect(await register(response, { person_id: MIRA.person_id })).toMatchObject(matchRefusal(/challenge/));
  expect(await register(response, { nowMs: NOW_MS + CHALLENGE_TTL_MS })).toMatchObject(matchRefusal(/expired/));
  const invented = { ...(await createOptions()), challenge: Buffer.alloc(32, 7).toString("base64url") };
  expect(await register(createPasskey(invented, ORIGIN).response)).toMatchObject(matchRefusal(/challenge/));
});

test("a failed registration consumes its challenge", async () => {
  const asked = await createOptions();
  const clientDataJSON = buildClientData("webauthn.create", asked.challenge, "https://evil.example").toString("base64url");
  const good = createPasskey(asked, ORIGIN).response;
  expect(await register({ ...good, response: { ...good.response, clientDataJSON } })).toMatchObject(matchRefusal(/origin/));
  expect(await register(good)).toMatchObject(matchRefusal(/used/));
});

test("a registration without user verification is refused", async () => {
  const asked = await createOptions();
  const { passkey, response } = createPasskey(asked, ORIGIN);
  const object = buildAttestationObject(passkey, FLAGS.userPresent).toString("base64url");
  expect(await register({ ...response, response: { ...response.response, attestationObject: object } })).toMatchObject(
    matchRefusal(/User verification/),
  );
});

test("a registration for another relying party is refused", async () => {
  const asked = await createOptions();
  const { passkey, response } = createPasskey(asked, ORIGIN);
  const object = buildAttestationObject({ ...passkey, rp_id: "evil.example" }).toString("base64url");
  expect(await register({ ...response, response: { ...response.response, attestationObject: object } })).toMatchObject(
    matchRefusal(/RP ID/),
  );
});

test("an attestation with certificates is requested if the policy asks for models, kept as it is, and fetches nothing", async () => {
  expect(await createOptions(ADMIN.person_id, true)).toMatchObject({ attestation: "direct" });
  const { response } = createPasskey(await createOptions(), ORIGIN);
  const authData = decodeAttestationObject(isoBase64URL.toBuffer(response.response.attestationObject)).get("authData");
  const encode = (data: Uint8Array) => {
    // No certificate could be read from these bytes.
    const attStmt = new Map<string, number | Uint8Array | Uint8Array[]>([
      ["alg", -7],
      ["sig", new Uint8Array(8)],
      ["x5c", [new Uint8Array(8)]],
    ]);
    const members = new Map<string, string | typeof attStmt | Uint8Array>([
      ["fmt", "packed"],
      ["attStmt", attStmt],
      ["authData", data],
    ]);
    return Buffer.from(isoCBOR.encode(members)).toString("base64url");
  };
  // Everything but the certificates is verified as without them.
  expect(await register(await answerWith({ attestationObject: encode(new Uint8Array(64)) }))).toMatchObject({
    ...{ ok: false, denial: { code: "step_up_invalid" } },
  });
  const attestationObject = encode(authData);
  expect(await register({ ...response, response: { ...response.response, attestationObject } })).toMatchObject({ ok: true });
  const query = people.db.selectFrom("passkeys").select("attestation_object").where("credential_id", "=", response.id);
  expect(await query.executeTakeFirst()).toEqual({ attestation_object: attestationObject });
});

test("a malformed response is refused with the name of its field", async () => {
  expect(await register({ id: 7 })).toMatchObject(matchRefusal(/id: .*rawId: /));
  expect(await register(null)).toMatchObject({ ok: false });
  expect(await register(await answerWith({ clientDataJSON: "e30" }))).toMatchObject(matchRefusal(/clientDataJSON/));
  expect(await register(await answerWith({ attestationObject: "AAAA" }))).toMatchObject({ ok: false, denial: { code: "step_up_invalid" } });
});

test("a registered credential cannot be registered for another person", async () => {
  const own = await createOptions();
  const { passkey, response } = createPasskey(own, ORIGIN);
  expect(await register(response)).toMatchObject({ ok: true });
  const theirs = await createOptions(MIRA.person_id);
  const clientDataJSON = buildClientData("webauthn.create", theirs.challenge, ORIGIN).toString("base64url");
  const copied = { ...response, response: { ...response.response, clientDataJSON } };
  expect(await register(copied, { person_id: MIRA.person_id })).toMatchObject(matchRefusal(/already registered/));
  expect((await listPasskeys(people.db, "T.UBL", MIRA.person_id)).map((entry) => entry.credential_id)).not.toContain(passkey.credential_id);
});

test("a second passkey is registered only with an assertion by an earlier one", async () => {
  const first = await registerTestPasskey(people.db, ADMIN.person_id);
  const asked = await createOptions();
  const { response } = createPasskey(asked, ORIGIN);
  expect(await register(response)).toMatchObject({ ok: false, denial: { code: "step_up_required" } });
  expect(await register(response, { assertion: vouchWith(first, asked.challenge, response) })).toMatchObject({ ok: true });
});

test("a vouching assertion is refused for another key, and from another person's passkey", async () => {
  const first = await registerTestPasskey(people.db, ADMIN.person_id);
  const theirs = await registerTestPasskey(people.db, MIRA.person_id);
  const asked = await createOptions();
  const { passkey, response } = createPasskey(asked, ORIGIN);
  const assertion = vouchWith(first, asked.challenge, response);
  // The same credential id and challenge with another key.
  const { key } = createPasskey(asked, ORIGIN).passkey;
  const swapped = buildAttestationObject({ ...passkey, key }).toString("base64url");
  const other = { ...response, response: { ...response.response, attestationObject: swapped } };
  expect(await register(other, { assertion })).toMatchObject(matchRefusal(/that of this registration/));
  const again = await createOptions();
  const next = createPasskey(again, ORIGIN).response;
  expect(await register(next, { assertion: vouchWith(theirs, again.challenge, next) })).toMatchObject(matchRefusal(/this person's/));
});
