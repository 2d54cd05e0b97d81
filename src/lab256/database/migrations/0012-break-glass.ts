import { sql } from "kysely";

const COLUMNS = sql`
alter table cards add column break_glass json;
alter table registry_activity add column break_glass json`;

/** Shows in lists which cards and activities declare an emergency. */
export const breakGlassMigration = [COLUMNS];
