import { sql } from "kysely";
import type { LedgerEntry } from "../../domain/ledger/event.js";
import type { Db } from "../database/database.js";

/** A row of the chain as stored, not yet verified. */
export interface StoredEntry extends Omit<LedgerEntry, "payload" | "type"> {
  readonly type: string;
  readonly payloadText: string;
}

/** The number of entries read at once while walking a chain. */
const PAGE_ROWS = 500;

/** Reads every entry of a chain in order, a page at a time, with constant memory. */
export async function* readStoredEntries(db: Db, container: string): AsyncGenerator<StoredEntry> {
  for (let after = 0; ; ) {
    const page = await db
      .selectFrom("ledger_entries")
      .select(["container", "seq", "tenant_id", "type", "key", "at_ms", "prev_hash", "hash", sql<string>`payload::text`.as("payloadText")])
      .where("container", "=", container)
      .where("seq", ">", after)
      .orderBy("seq")
      .limit(PAGE_ROWS)
      .execute();
    yield* page;
    const last = page.at(-1);
    if (last === undefined || page.length < PAGE_ROWS) return;
    after = last.seq;
  }
}

/** Converts a row to its entry. Type and payload were checked when it was appended, and its hash has protected them since. */
export function toLedgerEntry({ payloadText, ...frame }: StoredEntry): LedgerEntry {
  return { ...frame, payload: JSON.parse(payloadText) } as LedgerEntry;
}
