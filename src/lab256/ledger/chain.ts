import { hashCanonical, toCanonicalText } from "../../domain/bytes/canonical.js";
import { parseJson } from "../../domain/json.js";
import { GENESIS_HASH } from "../../domain/ledger/event.js";
import type { Db } from "../database/database.js";
import type { ChainHead } from "./entry.js";
import { readStoredEntries, type StoredEntry } from "./read-entries.js";

/** The first defect of a chain, found at the entry `seq`. */
export interface ChainBreak {
  readonly seq: number;
  readonly code: "missing" | "not_linked" | "payload_not_canonical" | "hash_differs" | "head_differs";
  readonly text: string;
}

export type ChainVerdict = { readonly ok: true; readonly head: ChainHead } | { readonly ok: false; readonly break: ChainBreak };

/** Reads the head of a container's chain: `seq` 0 and GENESIS_HASH before the first entry. */
export async function readChainHead(db: Db, container: string): Promise<ChainHead> {
  const head = await db.selectFrom("ledger_heads").select(["seq", "hash"]).where("container", "=", container).executeTakeFirst();
  return head ?? { seq: 0, hash: GENESIS_HASH };
}

/** Recomputes a whole chain from its payloads and returns its head or its first defect. Reads one snapshot and blocks no writer. */
export async function verifyChain(db: Db, container: string): Promise<ChainVerdict> {
  return db
    .transaction()
    .setIsolationLevel("repeatable read")
    .setAccessMode("read only")
    .execute(async (trx) => {
      let previous: ChainHead = { seq: 0, hash: GENESIS_HASH };
      for await (const entry of readStoredEntries(trx, container)) {
        const found = findChainBreak(entry, previous);
        if (found !== undefined) return { ok: false, break: found };
        previous = { seq: entry.seq, hash: entry.hash };
      }
      const head = await readChainHead(trx, container);
      if (head.seq === previous.seq && head.hash === previous.hash) return { ok: true, head };
      const text = `The head names entry ${head.seq}, but the chain ends at entry ${previous.seq}.`;
      return { ok: false, break: { seq: Math.min(head.seq, previous.seq) + 1, code: "head_differs", text } };
    });
}

function findChainBreak(entry: StoredEntry, previous: ChainHead): ChainBreak | undefined {
  const expected = previous.seq + 1;
  if (entry.seq !== expected) return { seq: expected, code: "missing", text: `Entry ${expected} is missing.` };
  const { seq } = entry;
  if (entry.prev_hash !== previous.hash)
    return { seq, code: "not_linked", text: `Entry ${seq} does not name the hash of entry ${previous.seq}.` };
  const payload = parseJson(entry.payloadText);
  if (payload === undefined || toCanonicalText(payload) !== entry.payloadText)
    return { seq, code: "payload_not_canonical", text: `The payload of entry ${seq} is not the canonical text that was appended.` };
  if (hashCanonical(toHashedMembers(entry, payload)) !== entry.hash)
    return { seq, code: "hash_differs", text: `The hash of entry ${seq} does not match its content.` };
  return undefined;
}

/** Returns the members that the hash covers: all except `hash`. Written independently of the code that appends, in order to check it. */
function toHashedMembers({ container, tenant_id, seq, type, key, at_ms, prev_hash }: StoredEntry, payload: unknown): object {
  return { container, tenant_id, seq, type, key, at_ms, payload, prev_hash };
}
