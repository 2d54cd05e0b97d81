import { randomBytes } from "node:crypto";
import pg from "pg";
import { inject } from "vitest";

export interface TestDatabase {
  name: string;
  url: string;
  /** Drops it, also with connections still open. */
  drop(): Promise<void>;
}

/** Creates a fresh Postgres database for one test file; `name` only makes it recognisable. */
export async function createDatabase(name: string): Promise<TestDatabase> {
  const { database_url } = inject("servers");
  const unique = `${name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "_")
    .slice(0, 40)}_${randomBytes(4).toString("hex")}`;
  await administer(database_url, `create database "${unique}"`);
  const url = new URL(database_url);
  url.pathname = `/${unique}`;
  return { name: unique, url: url.href, drop: () => administer(database_url, `drop database if exists "${unique}" with (force)`) };
}

async function administer(url: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}
