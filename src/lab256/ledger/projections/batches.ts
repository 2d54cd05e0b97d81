import { type RawBuilder, sql } from "kysely";
import type { Trx } from "../../database/database.js";
import type { Effect } from "./effect.js";

/** The maximum number of writes in a statement, because the cost of planning it grows with them. */
const WRITES_MAX = 32;

/**
 * Groups the effects into as few statements as their order allows. All writes of one statement see the same snapshot, so a second write
 * to a row goes into the next one.
 */
export function groupIntoBatches(effects: readonly Effect[]): Effect[][] {
  const all: Effect[][] = [];
  let rows = new Set<string>();
  for (const effect of effects) {
    const batch = all.at(-1);
    if (batch !== undefined && batch.length < WRITES_MAX && !effect.rows.some((row) => rows.has(row))) {
      batch.push(effect);
    } else {
      all.push([effect]);
      rows = new Set();
    }
    for (const row of effect.rows) rows.add(row);
  }
  return all;
}

/** Runs all of `writes` in one statement, which returns `answer`. Postgres completes every write, even if its result is not read. */
export async function writeTogether(trx: Trx, writes: readonly Effect["write"][], answer: RawBuilder<unknown>): Promise<void> {
  const named = writes.map((write, n) => sql`${sql.id(`write_${n}`)} as (${write})`);
  await (named.length === 0 ? answer : sql`with ${sql.join(named)} ${answer}`).execute(trx);
}

export async function applyEffects(trx: Trx, effects: readonly Effect[]): Promise<void> {
  for (const batch of groupIntoBatches(effects))
    await writeTogether(
      trx,
      batch.map((effect) => effect.write),
      sql`select`,
    );
}
