import { toCanonicalText } from "../../domain/bytes/canonical.js";
import { type Blake3Hex, hashBlake3Hex } from "../../domain/bytes/hash.js";
import type { LedgerEntry, NewEvent } from "../../domain/ledger/event.js";

/** What an entry's hash covers beside its payload. */
export type EntryFrame = Pick<LedgerEntry, "container" | "tenant_id" | "seq" | "type" | "key" | "at_ms" | "prev_hash">;

/** An entry and the canonical text of its payload, as the database keeps it. */
export interface WrittenEntry {
  readonly entry: LedgerEntry;
  readonly payloadText: string;
}

/** BLAKE3 of JCS of the entry without `hash`. `payloadText` is canonical already; the names stand in JCS order (RFC 8785 §3.2.3). */
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

/** Where a chain stands: its newest entry, or `seq` 0 and GENESIS_HASH before the first. */
export interface ChainHead {
  readonly seq: number;
  readonly hash: string;
}

/** Continues the chain after `head` with `events`. */
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
    // Projections read what a rebuild will read: the text parsed, not the object that the caller still holds.
    return { entry: { ...frame, hash, payload: JSON.parse(payloadText) } as LedgerEntry, payloadText };
  });
}
