import { sql } from "kysely";

const TABLE = sql`
create table clock_readings (
  plane text not null, name text not null, lower_ms bigint not null, upper_ms bigint not null, measured_at bigint not null,
  constraint clock_readings_pkey primary key (plane, name)
)`;

/** Adds the differences between the planes' clocks. */
export const clockReadingsMigration = [TABLE];
