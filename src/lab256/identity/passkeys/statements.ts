import { randomBytes } from "node:crypto";
import { type Jwks, type SignatureVerdict, type SigningKey, signObject, verifySignedObject } from "../../../domain/bytes/signature.js";
import type { SignedStatement, Statement } from "../../../domain/card/statement.js";

/** Creates a nonce for a statement: 16 random bytes in base64url. A withdrawal has its own. */
export function createNonce(): string {
  return randomBytes(16).toString("base64url");
}

/** Signs that the api authenticated the approver of this statement. Source: contracts "Plan and statements". */
export function attestStatement(statement: Statement, key: SigningKey): SignedStatement {
  const { kid, sig } = signObject("statement", statement, key);
  return { statement, attestor: { kid, sig } };
}

/** Verifies that one of `jwks` attested exactly this statement. The step-up assertion proves itself and is not part of the signed bytes. */
export function verifyAttestedStatement({ statement, attestor }: SignedStatement, jwks: Jwks): SignatureVerdict {
  return verifySignedObject("statement", { ...statement, ...attestor }, jwks);
}
