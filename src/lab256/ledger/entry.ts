import { toCanonicalText } from "../../domain/bytes/canonical.js";
import { type Blake3Hex, hashBlake3Hex } from "../../domain/bytes/hash.js";
import type { LedgerEntry, NewEvent } from "../../domain/ledger/event.js";

/** The members that an entry's hash covers, except the payload. */
export type EntryFrame = Pick<LedgerEntry, "container" | "tenant_id" | "seq" | "type" | "key" | "at_ms" | "prev_hash">;

/** An entry and the canonical text of its payload, as stored. */
export interface WrittenEntry {
  readonly entry: LedgerEntry;
  readonly payloadText: string;
}

/**
 * Computes the BLAKE3 of the JCS of the entry without `hash`. `payloadText` is already canonical, and the members are in JCS order (RFC
 * 8785 §3.2.3).
 */
export function hashEntry(frame: EntryFrame, payloadText: string): Blake3Hex {
  const members: [string, string][] = [
    ["at_ms", toCanonicalText(frame.at_ms)],
    ["container", toCanonicalText(frame.container)],
    ["key", toCanonicalText(frame.key)],
    ["payload", payloadText],
    ["prev_hash", toCanonicalText(frame.prev_hash)],
    ["seq", toCanonicalText(frame.seq)],
    ["tenant_id", toCanonicalText(frame.tenant_id)],
    ["type", toCanonicalText(frame.type)],
  ];
  return hashBlake3Hex(Buffer.from(`{${members.map(([name, value]) => `"${name}":${value}`).join(",")}}`, "utf8"));
}

/** The newest entry of a chain, or `seq` 0 and GENESIS_HASH before the first. */
export interface ChainHead {
  readonly seq: number;
  readonly hash: string;
}

/** Links `events` to the chain after `head`. */
export function linkEntries(
  container: string,
  tenantId: string,
  head: ChainHead,
  events: readonly NewEvent[],
  atMs: number,
): WrittenEntry[] {
  let previous = head;
  return events.map((event) => {
    const payloadText = toCanonicalText(event.payload);
    const { type, key } = event;
    const frame = { container, tenant_id: tenantId, seq: previous.seq + 1, type, key, at_ms: atMs, prev_hash: previous.hash };
    const hash = hashEntry(frame, payloadText);
    previous = { seq: frame.seq, hash };
    // Projections read what a rebuild will read: the parsed text, not the caller's object.
    return { entry: { ...frame, hash, payload: JSON.parse(payloadText) } as LedgerEntry, payloadText };
  });
}
