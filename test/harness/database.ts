import { randomBytes } from "node:crypto";
import pg from "pg";
import { inject } from "vitest";
import { openDatabase } from "../../src/lab256/database/database.js";
import { migrateDatabase } from "../../src/lab256/database/migrate.js";
import { administer } from "./administer.js";

export interface TestDatabase {
  name: string;
  url: string;
  /** Drops the database even if connections are open. */
  drop(): Promise<void>;
}

/** Creates a migrated Postgres database for one test file. `name` only helps to recognise it. */
export async function createDatabase(name: string): Promise<TestDatabase> {
  const { database_url: databaseUrl, template_database } = inject("servers");
  templateReady ??= makeTemplate(databaseUrl, template_database);
  await templateReady;
  return createDatabaseOn(databaseUrl, name, `template "${template_database}"`);
}

/** Creates a database without any table. */
export function createEmptyDatabase(name: string): Promise<TestDatabase> {
  return createDatabaseOn(inject("servers").database_url, name);
}

let templateReady: Promise<void> | undefined;

/** Makes the migrated database that every test file copies, unless it exists. A copy is faster than the migrations. */
async function makeTemplate(serverUrl: string, name: string): Promise<void> {
  const client = new pg.Client({ connectionString: serverUrl });
  await client.connect();
  try {
    // The lock is released with the connection.
    await client.query("select pg_advisory_lock(hashtextextended($1, 0))", [name]);
    const { rowCount } = await client.query("select 1 from pg_database where datname = $1", [name]);
    if (rowCount !== 0) return;
    const unfinished = await createDatabaseOn(serverUrl, "template");
    const db = openDatabase(unfinished.url, { maxConnections: 1 });
    try {
      await migrateDatabase(db);
    } finally {
      // Postgres renames and copies a database only while it has no connections.
      await db.destroy();
    }
    await client.query(`alter database "${unfinished.name}" rename to "${name}"`);
  } finally {
    await client.end();
  }
}

async function createDatabaseOn(serverUrl: string, name: string, options = ""): Promise<TestDatabase> {
  const unique = `${name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "_")
    .slice(0, 40)}_${randomBytes(4).toString("hex")}`;
  await administer(serverUrl, `create database "${unique}" ${options}`);
  const url = new URL(serverUrl);
  url.pathname = `/${unique}`;
  return { name: unique, url: url.href, drop: () => administer(serverUrl, `drop database if exists "${unique}" with (force)`) };
}
