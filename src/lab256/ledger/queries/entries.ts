import { type Selectable, sql } from "kysely";
import type { Db } from "../../database/database.js";
import type { LedgerTables } from "../../database/tables/ledger.js";
import { computeRowLimit, type Page, type PageRequest } from "./page.js";

/** An entry of a chain with everything that its hash covers, so that any reader can recompute the hash. */
export type EntryItem = Readonly<Selectable<LedgerTables["ledger_entries"]>>;

/** A page ends after the entry with which its payloads reach this size in bytes. */
export const ENTRIES_PAGE_BYTES = 4 * 1024 * 1024;

/** Lists the entries of a container's chain, the oldest first. Source: ADR-002 §7. */
export async function listEntries(db: Db, query: PageRequest & { readonly container: string }): Promise<Page<EntryItem>> {
  const { container, after = 0 } = query;
  const { rows } = await sql<EntryItem & { readonly wanted: number }>`
    select container, tenant_id, seq, type, key, at_ms, payload, prev_hash, hash, wanted
    from (
      select *, count(*) over ()::int as wanted,
        sum(octet_length(payload::text)) over (order by seq) - octet_length(payload::text) as bytes_before
      from (
        select * from ledger_entries where container = ${container} and seq > ${after} order by seq limit ${computeRowLimit(query)}
      ) as read
    ) as measured
    where bytes_before < ${ENTRIES_PAGE_BYTES}
    order by seq`.execute(db);
  const items = rows.slice(0, query.limit).map(({ wanted: _, ...entry }) => entry);
  const isLast = (rows[0]?.wanted ?? 0) <= items.length;
  return { items, next: isLast ? null : (items.at(-1)?.seq ?? null) };
}
