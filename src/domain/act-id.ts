import { canonicalBytes } from "./canonical.js";
import { blake3 } from "./hash.js";

/**
 * The `jti` of a card's permit: a UUIDv8 (RFC 9562 §5.8) derived from tenant, card and plan digest, so that one approved plan makes
 * at most one act, however often the permit is asked for.
 */
export function cardActId(tenantId: string, cardId: string, planDigest: string): string {
  const bytes = Buffer.from(blake3(canonicalBytes([tenantId, cardId, planDigest])).subarray(0, 16));
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x80;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = bytes.toString("hex");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}
