import { type Kysely, type Migration, sql } from "kysely";

/** Adds indexes, so that a list of commands by status or project reads no other commands. */
export const commandFiltersMigration: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    await sql`create index commands_by_status on commands (tenant_id, status, seq)`.execute(db);
    await sql`create index commands_by_project on commands (tenant_id, project_id, seq)`.execute(db);
  },
};
