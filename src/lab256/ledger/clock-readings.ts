import { type Selectable, sql } from "kysely";
import type { Db } from "../database/database.js";
import type { LedgerTables } from "../database/tables/ledger.js";

/** The bounds within which a clock is ahead of or behind another one. Source: contracts "Permit, command, claim, receipt". */
export type ClockReading = Readonly<Selectable<LedgerTables["clock_readings"]>>;

/** Compares this process's clock with the database's, which is read between two readings of this one. */
export async function readOwnClock(db: Db, name: string, now: () => number): Promise<ClockReading> {
  const before = now();
  const { rows } = await sql<{ at: number }>`select (extract(epoch from clock_timestamp()) * 1000)::bigint as at`.execute(db);
  const after = now();
  const [row] = rows;
  if (row === undefined) throw new Error("Postgres did not return its time; try again.");
  return { plane: "LAB_256", name, lower_ms: before - row.at, upper_ms: after - row.at, measured_at: row.at };
}

/** Stores the newest reading of each clock and removes those measured before `sinceMs`. */
export async function recordClocks(db: Db, readings: readonly ClockReading[], sinceMs: number): Promise<void> {
  await db.deleteFrom("clock_readings").where("measured_at", "<", sinceMs).execute();
  if (readings.length === 0) return;
  await db
    .insertInto("clock_readings")
    .values([...readings])
    .onConflict((conflict) =>
      conflict.columns(["plane", "name"]).doUpdateSet((row) => ({
        lower_ms: row.ref("excluded.lower_ms"),
        upper_ms: row.ref("excluded.upper_ms"),
        measured_at: row.ref("excluded.measured_at"),
      })),
    )
    .execute();
}

export async function listClockReadings(db: Db): Promise<ClockReading[]> {
  return db.selectFrom("clock_readings").selectAll().orderBy("plane").orderBy("name").execute();
}
