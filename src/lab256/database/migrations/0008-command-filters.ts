import { sql } from "kysely";

/** Adds indexes, so that a list of commands by status or project reads no other commands. */
export const commandFiltersMigration = [
  sql`create index commands_by_status on commands (tenant_id, status, seq)`,
  sql`create index commands_by_project on commands (tenant_id, project_id, seq)`,
];
