import { randomBytes } from "node:crypto";
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import pg from "pg";
import { tryFolderLock } from "../process/lock.js";
import { resolveOwnerLockPath } from "../stack/data-folder.js";
import { endLeftovers } from "../stack/leftovers.js";
import type { Log } from "../stack/progress.js";

/** Kept between runs: making a Postgres cluster takes seconds, and the same ports serve again. */
const KEPT = new Set(["run", "postgres", "secrets.json", "ports.json", "logs"]);

const DATABASE_PREFIX = "ogr_demo_";

/** Empties the demo's data folder. Returns false and changes nothing while another demo uses it. */
export async function emptyDataFolder(dataDir: string, log: Log): Promise<boolean> {
  const lock = await tryFolderLock(resolveOwnerLockPath(dataDir));
  if (!lock.isHeld) return false;
  try {
    await endLeftovers(dataDir, log);
    const gone = (await readdir(dataDir)).filter((name) => !KEPT.has(name));
    await Promise.all(gone.map((name) => rm(join(dataDir, name), { recursive: true, force: true })));
    return true;
  } finally {
    await lock.release();
  }
}

export interface DemoDatabase {
  readonly url: string;
  drop(): Promise<void>;
}

/**
 * Creates an empty database for this run beside the one that the URL names, so that the user's own databases stay as they are. With
 * `isAlone`, nobody else uses this server: databases that killed demos left there are dropped.
 */
export async function createDemoDatabase(serverUrl: string, { isAlone }: { isAlone: boolean }): Promise<DemoDatabase> {
  if (isAlone) for (const left of await listDemoDatabases(serverUrl)) await dropDatabase(serverUrl, left);
  const name = `${DATABASE_PREFIX}${randomBytes(6).toString("hex")}`;
  await executeAdminStatement(serverUrl, `create database ${name}`);
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  return { url: url.href, drop: () => dropDatabase(serverUrl, name) };
}

async function dropDatabase(url: string, name: string): Promise<void> {
  await executeAdminStatement(url, `drop database if exists ${name} with (force)`);
}

async function listDemoDatabases(url: string): Promise<string[]> {
  const rows = await executeAdminStatement(url, `select datname from pg_database where datname ~ '^${DATABASE_PREFIX}[0-9a-f]{12}$'`);
  return rows.map((row) => row.datname);
}

async function executeAdminStatement(url: string, statement: string): Promise<{ datname: string }[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<{ datname: string }>(statement)).rows;
  } finally {
    await client.end();
  }
}
