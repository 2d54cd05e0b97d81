import { sql } from "kysely";
import type { Db } from "../../database/database.js";

/** How many of each tenant's oldest cards are read, because a scrape must not scan a whole table. */
const CARDS_OF_TENANT_MAX = 10_000;

/**
 * Counts the cards of all tenants that wait for a decision, by age since they were opened. `ages` maps each name to its upper bound in
 * milliseconds, in ascending order. Source: contracts "Levels" (`decide_by`).
 */
export async function countWaitingCards<Age extends string>(
  db: Db,
  ages: Readonly<Record<Age, number>>,
  nowMs: number,
): Promise<Record<Age, number>> {
  const names = Object.keys(ages) as Age[];
  // A card's bucket index is the number of these times before which it was opened.
  const opened = names.slice(0, -1).map((name) => nowMs - ages[name]);
  const { rows } = await sql<{ bucket: number; cards: number }>`
    select (select count(*) from unnest(${opened}::bigint[]) as edge where waiting.opened_at < edge)::int as bucket,
           count(*)::int as cards
      from tenants
     cross join lateral (
       select opened_at from cards
        where tenant_id = tenants.tenant_id and status = 'awaiting_approval'
        order by seq limit ${CARDS_OF_TENANT_MAX}
     ) as waiting
     group by 1`.execute(db);
  const counts = new Map(rows.map(({ bucket, cards }) => [bucket, cards]));
  return Object.fromEntries(names.map((name, n) => [name, counts.get(n) ?? 0])) as Record<Age, number>;
}
