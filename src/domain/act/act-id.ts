import { toCanonicalBytes } from "../bytes/canonical.js";
import { hashBlake3 } from "../bytes/hash.js";

/**
 * Computes the `jti` of a card's permit: a UUIDv8 (RFC 9562 §5.8) derived from tenant, card, round and plan digest, so that one approved
 * plan leads to at most one act, however often the permit is requested.
 */
export function computeCardActId(tenantId: string, cardId: string, round: number, planDigest: string): string {
  return computeActId([tenantId, cardId, round, planDigest]);
}

/**
 * Computes the `jti` of a telemetry append, derived from its batch and project, so that a repeated batch is the same act. `round` counts
 * the acts that ended without appending the batch, whose permits are used up.
 */
export function computeTelemetryActId(
  tenantId: string,
  { project_id, from_seq, to_seq }: { readonly project_id: string; readonly from_seq: number; readonly to_seq: number },
  round: number,
): string {
  return computeActId(["telemetry", tenantId, project_id, from_seq, to_seq, round]);
}

function computeActId(parts: readonly (string | number)[]): string {
  const bytes = Buffer.from(hashBlake3(toCanonicalBytes(parts)).subarray(0, 16));
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x80;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = bytes.toString("hex");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}
