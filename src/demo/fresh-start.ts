import { randomBytes } from "node:crypto";
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import pg from "pg";
import { tryFolderLock } from "../process/lock.js";
import { ownerLockPath } from "../stack/data-folder.js";
import { endLeftovers } from "../stack/leftovers.js";
import type { Log } from "../stack/progress.js";

/** What a demo that begins anew keeps: an empty Postgres cluster with its password takes seconds to make, and its ports are good. */
const KEPT = new Set(["run", "postgres", "secrets.json", "ports.json", "logs"]);

const DATABASE_PREFIX = "ogr_demo_";

/** Empties the demo's data folder. Answers false, and changes nothing, while another demo runs on it. */
export async function emptyDataFolder(dataDir: string, log: Log): Promise<boolean> {
  const lock = await tryFolderLock(ownerLockPath(dataDir));
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
 * An empty database of this run's own beside the one that the URL names, so that a Postgres of the user's keeps what it has. `alone`:
 * nobody else uses this server, and what a demo that was killed has left there goes.
 */
export async function createDemoDatabase(serverUrl: string, { isAlone }: { isAlone: boolean }): Promise<DemoDatabase> {
  if (isAlone)
    for (const left of await listDemoDatabases(serverUrl))
      await executeAdminStatement(serverUrl, `drop database if exists ${left} with (force)`);
  const name = `${DATABASE_PREFIX}${randomBytes(6).toString("hex")}`;
  await executeAdminStatement(serverUrl, `create database ${name}`);
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  return { url: url.href, drop: async () => void (await executeAdminStatement(serverUrl, `drop database if exists ${name} with (force)`)) };
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
