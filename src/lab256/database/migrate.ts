import { type Migration, Migrator, type RawBuilder, sql } from "kysely";
import type { Db } from "./database.js";
import { buildLedgerMigration } from "./migrations/0001-ledger.js";
import { buildProjectionsMigration } from "./migrations/0002-projections.js";
import { identityMigration } from "./migrations/0003-identity.js";
import { attestationsMigration } from "./migrations/0004-attestations.js";
import { clockReadingsMigration } from "./migrations/0005-clock-readings.js";
import { pushedCommitsMigration } from "./migrations/0006-pushed-commits.js";
import { webhooksMigration } from "./migrations/0007-webhooks.js";
import { commandFiltersMigration } from "./migrations/0008-command-filters.js";
import { telemetryMigration } from "./migrations/0009-telemetry.js";
import { passkeyRegistrationsMigration } from "./migrations/0010-passkey-registrations.js";
import { charterMembersMigration } from "./migrations/0011-charter-members.js";
import { breakGlassMigration } from "./migrations/0012-break-glass.js";
import { cardGroundsMigration } from "./migrations/0013-card-grounds.js";
import { charterPointsMigration } from "./migrations/0014-charter-points.js";
import { readSchemaName } from "./schema-name.js";

/** The statements of a migration, or the function that builds them for a schema. */
type MigrationStatements = readonly RawBuilder<unknown>[] | ((schema: string) => readonly RawBuilder<unknown>[]);

/** Migrations in the order in which they run. A released migration never changes; append a new one instead. */
const MIGRATIONS: Readonly<Record<string, MigrationStatements>> = {
  "0001-ledger": buildLedgerMigration,
  "0002-projections": buildProjectionsMigration,
  "0003-identity": identityMigration,
  "0004-attestations": attestationsMigration,
  "0005-clock-readings": clockReadingsMigration,
  "0006-pushed-commits": pushedCommitsMigration,
  "0007-webhooks": webhooksMigration,
  "0008-command-filters": commandFiltersMigration,
  "0009-telemetry": telemetryMigration,
  "0010-passkey-registrations": passkeyRegistrationsMigration,
  "0011-charter-members": charterMembersMigration,
  "0012-break-glass": breakGlassMigration,
  "0013-card-grounds": cardGroundsMigration,
  "0014-charter-points": charterPointsMigration,
};

/** The advisory lock with which only one process at a time migrates a database. */
const MIGRATION_LOCK = "ogr.migrate";

/**
 * Migrates the database to the newest schema, in one transaction. If several processes start together, one migrates and the others wait
 * for it.
 *
 * @throws if a migration fails, which changes nothing, or if a newer release has migrated the database.
 */
export async function migrateDatabase(db: Db): Promise<void> {
  await db.connection().execute(async (connection) => {
    // Kysely takes its own lock only after it has created its tables, and two processes that create them together fail.
    await sql`select pg_advisory_lock(hashtextextended(${MIGRATION_LOCK}, 0))`.execute(connection);
    try {
      const migrations = Object.fromEntries(Object.entries(MIGRATIONS).map(([name, statements]) => [name, toMigration(statements)]));
      const migrator = new Migrator({ db: connection, provider: { getMigrations: async () => migrations } });
      const { error, results } = await migrator.migrateToLatest();
      if (error === undefined) return;
      const failed = results?.find((result) => result.status === "Error")?.migrationName;
      throw new Error(
        failed === undefined
          ? "The database cannot be migrated: a newer release may have migrated it. Run that release or a newer one, or restore a backup."
          : `Migration ${failed} failed and nothing was changed. See the cause, repair the database, and start again.`,
        { cause: error },
      );
    } finally {
      await sql`select pg_advisory_unlock(hashtextextended(${MIGRATION_LOCK}, 0))`.execute(connection);
    }
  });
}

function toMigration(statements: MigrationStatements): Migration {
  return {
    async up(db: Db): Promise<void> {
      for (const statement of typeof statements === "function" ? statements(await readSchemaName(db)) : statements)
        await statement.execute(db);
    },
  };
}
