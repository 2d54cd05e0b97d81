import { sql } from "kysely";
import { afterAll, beforeAll } from "vitest";
import type { NewEvent } from "../../../src/domain/ledger/event.js";
import { type Db, type DbPool, openDatabase } from "../../../src/lab256/database/database.js";
import { migrateDatabase } from "../../../src/lab256/database/migrate.js";
import { PROJECTIONS } from "../../../src/lab256/database/tables/projections.js";
import { type Appended, type AppendOutcome, appendBatch } from "../../../src/lab256/ledger/append-batch.js";
import { createDatabase } from "../../harness/database.js";
import { TENANT } from "./events.js";

export interface LedgerDatabase {
  readonly db: DbPool;
  readonly url: string;
  readonly name: string;
  /** Appends in its own transaction, so that parallel appends compete for the container's lock. */
  append(events: readonly NewEvent[], tenantId?: string, atMs?: number): Promise<AppendOutcome>;
  /** Appends events, and throws if they are refused. */
  appendOrThrow(events: readonly NewEvent[], tenantId?: string, atMs?: number): Promise<readonly Appended[]>;
  /** Returns every row of every projection as text, in a fixed order. */
  readProjectionRows(): Promise<Record<string, string[]>>;
}

/** Creates a migrated database for a test file and drops it after the tests. */
export function useLedgerDatabase(name: string): LedgerDatabase {
  let opened: { db: DbPool; url: string; name: string; drop: () => Promise<void> } | undefined;
  const getCurrent = () => {
    if (opened === undefined) throw new Error("The database is open only while tests run.");
    return opened;
  };
  beforeAll(async () => {
    const created = await createDatabase(name);
    opened = { db: openDatabase(created.url, { maxConnections: 20 }), url: created.url, name: created.name, drop: () => created.drop() };
    await migrateDatabase(opened.db);
  });
  afterAll(async () => {
    await opened?.db.destroy();
    await opened?.drop();
  });
  const appendIn = async (events: readonly NewEvent[], tenantId = TENANT, atMs = 1_000): Promise<AppendOutcome> => {
    const [outcome] = await getCurrent()
      .db.transaction()
      .execute((trx) => appendBatch(trx, tenantId, [{ events, atMs }]));
    if (outcome === undefined) throw new Error("The request has no outcome.");
    return outcome;
  };
  return {
    get db() {
      return getCurrent().db;
    },
    get url() {
      return getCurrent().url;
    },
    get name() {
      return getCurrent().name;
    },
    append: appendIn,
    async appendOrThrow(events, tenantId, atMs) {
      const outcome = await appendIn(events, tenantId, atMs);
      if (!outcome.ok) throw new Error(`refused: ${outcome.conflict.column}`);
      return outcome.appended;
    },
    readProjectionRows: () => readProjectionRows(getCurrent().db),
  };
}

async function readProjectionRows(db: Db): Promise<Record<string, string[]>> {
  const all: Record<string, string[]> = {};
  for (const table of PROJECTIONS) {
    const { rows } = await sql<{ line: string }>`select t::text as line from ${sql.table(table)} t order by 1`.execute(db);
    all[table] = rows.map((row) => row.line);
  }
  return all;
}
