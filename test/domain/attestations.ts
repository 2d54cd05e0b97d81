import { sign } from "node:crypto";
import { encodePreAuthentication, type SigningKey } from "../../src/domain/bytes/signature.js";
import { ATTESTATION_PAYLOAD_TYPE, type AttestationEnvelope, IN_TOTO_STATEMENT } from "../../src/domain/card/attestation.js";

export const PREDICATE_TYPE = "https://slsa.dev/verification_summary/v1";

/** Builds the in-toto statement that a card's plan was verified. */
export function buildAttestationStatement(card_id: string, plan_digest: string, change: Readonly<Record<string, unknown>> = {}): object {
  return {
    _type: IN_TOTO_STATEMENT,
    subject: [{ name: card_id, digest: { blake3: plan_digest } }],
    predicateType: PREDICATE_TYPE,
    predicate: { verificationResult: "PASSED" },
    ...change,
  };
}

/** Signs a payload in a DSSE envelope. */
export function signAttestation(statement: object | string, key: SigningKey, payloadType = ATTESTATION_PAYLOAD_TYPE): AttestationEnvelope {
  const body = Buffer.from(typeof statement === "string" ? statement : JSON.stringify(statement));
  const sig = sign(null, encodePreAuthentication(payloadType, body), key.privateKey).toString("base64");
  return { payloadType: ATTESTATION_PAYLOAD_TYPE, payload: body.toString("base64"), signatures: [{ keyid: key.kid, sig }] };
}
