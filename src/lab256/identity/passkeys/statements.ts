import { randomBytes } from "node:crypto";
import { type SigningKey, signObject } from "../../../domain/bytes/signature.js";
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
