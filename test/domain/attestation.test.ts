import { describe, expect, test } from "vitest";
import { type AttestationEnvelope, verifyAttestation } from "../../src/domain/card/attestation.js";
import { buildAttestationStatement, PREDICATE_TYPE, signAttestation } from "./attestations.js";
import { createTestKey, DIGEST, OTHER_DIGEST } from "./samples.js";

const CARD = "k-01h8x";
const OTHER_TYPE = "https://in-toto.io/attestation/test-result/v0.1";
const [attestor, tester, mallory] = [createTestKey(), createTestKey(), createTestKey()];
const expected = {
  cardId: CARD,
  planDigest: DIGEST,
  predicateTypes: [PREDICATE_TYPE],
  attestors: { [PREDICATE_TYPE]: { keys: [attestor.jwk] }, [OTHER_TYPE]: { keys: [tester.jwk] } },
};
const genuine = signAttestation(buildAttestationStatement(CARD, DIGEST), attestor);
const [signature] = genuine.signatures;
if (signature === undefined) throw new Error("the sample is not signed");

/** Returns the message with which an attestation is refused. */
function readRefusal(candidate: unknown, change: Partial<typeof expected> = {}): string {
  const outcome = verifyAttestation(candidate, { ...expected, ...change });
  if (outcome.ok) throw new Error("the attestation was accepted");
  expect(outcome.denial.code).toBe("attestation_invalid");
  return outcome.denial.message;
}

const toUrlSafe = (base64: string) => Buffer.from(base64, "base64").toString("base64url");

describe("an attestation", () => {
  test("of this plan by a key of the policy counts, with its type and key", () => {
    expect(verifyAttestation(genuine, expected)).toMatchObject({
      ok: true,
      value: {
        predicate_type: PREDICATE_TYPE,
        keyid: attestor.kid,
        envelope: genuine,
        attestation_digest: expect.stringMatching(/^[0-9a-f]{64}$/),
      },
    });
  });

  test.each([
    ["with members that are not known", { ...genuine, extra: 1, signatures: [{ ...signature, cert: "x" }] }],
    ["without a key id", { ...genuine, signatures: [{ sig: signature.sig }] }],
    ["with an empty key id", { ...genuine, signatures: [{ ...signature, keyid: "" }] }],
    [
      "in URL-safe base64 without padding",
      { ...genuine, payload: toUrlSafe(genuine.payload), signatures: [{ ...signature, sig: toUrlSafe(signature.sig) }] },
    ],
  ])("of other software counts %s, and is kept in its one spelling", (_, candidate) => {
    expect(verifyAttestation(candidate, expected)).toMatchObject({ ok: true, value: { envelope: genuine, keyid: attestor.kid } });
  });

  test("counts with members of its statement that are not known", () => {
    const more = signAttestation(buildAttestationStatement(CARD, DIGEST, { more: 1 }), attestor);
    expect(verifyAttestation(more, expected)).toMatchObject({ ok: true });
  });

  test("without a key id does not count by a key that the policy does not name", () => {
    const foreign = signAttestation(buildAttestationStatement(CARD, DIGEST), mallory);
    expect(readRefusal({ ...foreign, signatures: [{ sig: foreign.signatures[0]?.sig }] })).toMatch(/not valid/);
  });

  test("counts beside other subjects, and without a predicate", () => {
    const subject = [
      { name: "image", digest: { sha256: "00" } },
      { name: CARD, digest: { sha256: "00", blake3: DIGEST } },
    ];
    expect(
      verifyAttestation(signAttestation(buildAttestationStatement(CARD, DIGEST, { subject, predicate: undefined }), attestor), expected).ok,
    ).toBe(true);
  });

  test("is not changed by added signatures of other keys", () => {
    const added = { ...genuine, signatures: [{ ...signature, keyid: mallory.kid }, signature] };
    expect(verifyAttestation(added, expected)).toEqual(verifyAttestation(genuine, expected));
  });

  test.each<[string, AttestationEnvelope, RegExp]>([
    [
      "whose payload was changed after it was signed",
      { ...genuine, payload: signAttestation(buildAttestationStatement(CARD, DIGEST, { predicate: {} }), attestor).payload },
      /signature/,
    ],
    [
      "with the signature of another key under a trusted key's id",
      signAttestation(buildAttestationStatement(CARD, DIGEST), { ...mallory, kid: attestor.kid }),
      /signature/,
    ],
    [
      "signed for another payload type",
      signAttestation(buildAttestationStatement(CARD, DIGEST), attestor, "application/vnd.ubl.permit.v1+json"),
      /signature/,
    ],
    [
      "signed by a key that is not in the policy",
      signAttestation(buildAttestationStatement(CARD, DIGEST), mallory),
      /names none of its signing keys/,
    ],
    [
      "signed by a key for another type",
      signAttestation(buildAttestationStatement(CARD, DIGEST), tester),
      /names none of its signing keys/,
    ],
    [
      "of a type that the plan does not require",
      signAttestation(buildAttestationStatement(CARD, DIGEST, { predicateType: OTHER_TYPE }), tester),
      /requires no attestation of type/,
    ],
    ["about another plan", signAttestation(buildAttestationStatement(CARD, OTHER_DIGEST), attestor), /another plan/],
    ["about another card", signAttestation(buildAttestationStatement("k-other", DIGEST), attestor), /It has no subject named k-01h8x/],
    [
      "with separate subjects for card and plan",
      signAttestation(
        buildAttestationStatement(CARD, OTHER_DIGEST, {
          subject: [
            { name: CARD, digest: {} },
            { name: "x", digest: { blake3: DIGEST } },
          ],
        }),
        attestor,
      ),
      /another plan/,
    ],
  ])("%s is refused", (_, candidate, why) => {
    expect(readRefusal(candidate)).toMatch(why);
  });

  test("of a type without an attestor in the policy is refused", () => {
    expect(readRefusal(genuine, { attestors: {} as typeof expected.attestors })).toMatch(/names none of its signing keys/);
    const inherited = signAttestation(buildAttestationStatement(CARD, DIGEST, { predicateType: "constructor" }), attestor);
    expect(readRefusal(inherited, { predicateTypes: ["constructor"] })).toMatch(/names none of its signing keys/);
  });
});

describe("a malformed attestation is refused with the name of its field", () => {
  const text = (text: string) => signAttestation(text, attestor);
  const large = buildAttestationStatement(CARD, DIGEST, { predicate: { text: "x".repeat(33 * 1024) } });

  test.each<[unknown, string]>([
    [null, "expected object"],
    ["text", "expected object"],
    [{ ...genuine, payloadType: "application/json" }, "payloadType:"],
    [{ ...genuine, payload: "" }, "payload:"],
    [{ ...genuine, payload: `${genuine.payload}\n` }, "payload:"],
    [{ ...genuine, payload: genuine.payload.replace(/=*$/, "!") }, "payload:"],
    [signAttestation(large, attestor), "payload: At most 32768 bytes."],
    [{ ...genuine, signatures: [] }, "signatures:"],
    [{ ...genuine, signatures: Array.from({ length: 11 }, () => signature) }, "signatures:"],
    [text("{"), "payload: These bytes are not JSON"],
    [{ ...genuine, payload: "/w==" }, "payload: These bytes are not JSON"],
    [text("[]"), "payload:"],
    [signAttestation(buildAttestationStatement(CARD, DIGEST, { _type: "https://in-toto.io/Statement/v0.1" }), attestor), "payload._type:"],
    [signAttestation(buildAttestationStatement(CARD, DIGEST, { subject: [] }), attestor), "payload.subject:"],
    [signAttestation(buildAttestationStatement(CARD, DIGEST, { subject: [{ name: CARD }] }), attestor), "payload.subject.0.digest:"],
    [
      signAttestation(buildAttestationStatement(CARD, DIGEST, { subject: [{ name: CARD, digest: { blake3: 1 } }] }), attestor),
      "payload.subject.0.digest.blake3:",
    ],
    [signAttestation(buildAttestationStatement(CARD, DIGEST, { predicateType: "" }), attestor), "payload.predicateType:"],
    [signAttestation(buildAttestationStatement(CARD, DIGEST, { predicate: [] }), attestor), "payload.predicate:"],
  ])("%#", (candidate, field) => {
    expect(readRefusal(candidate)).toContain(field);
  });
});
