import { type RawBuilder, sql } from "kysely";
import type { Trx } from "../../database/database.js";
import type { Effect } from "./effect.js";

/** Planning a statement costs with the writes in it. */
const WRITES_MAX = 32;

/**
 * The effects in as few statements as keep their order: all writes of one statement see the same snapshot, so that a second write to
 * a row belongs into the next one.
 */
export function groupIntoWaves(effects: readonly Effect[]): Effect[][] {
  const all: Effect[][] = [];
  let rows = new Set<string>();
  for (const effect of effects) {
    const wave = all.at(-1);
    if (wave !== undefined && wave.length < WRITES_MAX && !effect.rows.some((row) => rows.has(row))) {
      wave.push(effect);
    } else {
      all.push([effect]);
      rows = new Set();
    }
    for (const row of effect.rows) rows.add(row);
  }
  return all;
}

/** One statement that performs all of `writes`, then answers `answer`; Postgres completes every write, read or not. */
export async function writeTogether(trx: Trx, writes: readonly Effect["write"][], answer: RawBuilder<unknown>): Promise<void> {
  const named = writes.map((write, n) => sql`${sql.id(`write_${n}`)} as (${write})`);
  await (named.length === 0 ? answer : sql`with ${sql.join(named)} ${answer}`).execute(trx);
}

export async function applyEffects(trx: Trx, effects: readonly Effect[]): Promise<void> {
  for (const wave of groupIntoWaves(effects))
    await writeTogether(
      trx,
      wave.map((effect) => effect.write),
      sql`select`,
    );
}
