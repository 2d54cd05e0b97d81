import { type Jwks, verifySignedObject } from "../../domain/bytes/signature.js";
import { type Receipt, receiptSchema } from "../../domain/permit/receipt.js";
import { formatProblems, parseWith } from "../../domain/problems.js";

export type ReceiptVerdict = { readonly valid: true; readonly receipt: Receipt } | { readonly valid: false; readonly why: string };

/** Verifies a receipt offline: its shape, and the Runner's signature. */
export function verifyReceipt(value: unknown, keys: Jwks): ReceiptVerdict {
  const parsed = parseWith(receiptSchema, value);
  if (!parsed.ok) return { valid: false, why: `It is not a receipt: ${formatProblems(parsed.problems)}` };
  const verdict = verifySignedObject("receipt", parsed.value, keys);
  if (verdict === "valid") return { valid: true, receipt: parsed.value };
  if (verdict === "key_unknown") return { valid: false, why: `It names the key ${parsed.value.kid}, which is not among the given ones.` };
  return { valid: false, why: "Its signature does not match its content: it was changed after signing, or forged." };
}
