import { chown, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import pg from "pg";
import { ignoreAbsence } from "../../process/durable-file.js";
import { buildBaseEnvironment } from "../environment.js";
import type { StackSecrets } from "../founding/secrets.js";
import { type Log, withProgress } from "../progress.js";
import type { Supervisor } from "../supervise.js";
import { executeProgram } from "../tools/execute.js";
import { type PostgresHome, preparePostgresHome } from "./postgres-account.js";

const user = "ogr";
const database = "ogr";

/** Sized for a laptop. fsync and synchronous_commit stay on, because a ledger needs them. */
const settings = {
  listen_addresses: "127.0.0.1",
  unix_socket_directories: "",
  max_connections: "200",
  shared_buffers: "128MB",
  fsync: "on",
  synchronous_commit: "on",
  full_page_writes: "on",
};

/** Checks the Postgres that `DATABASE_URL` names and returns its URL. Throws if it does not respond. */
export async function checkGivenPostgres(url: string): Promise<string> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 10_000 });
  try {
    await client.connect();
    await client.query("select 1");
    return url;
  } catch (error) {
    throw new Error(`the Postgres of DATABASE_URL does not answer (${(error as Error).message}): start it, or unset DATABASE_URL`, {
      cause: error,
    });
  } finally {
    await client.end();
  }
}

/** Starts the embedded Postgres on `<dataDir>/postgres`, using the cluster there if one exists, and returns its URL. */
export async function startPostgres(supervisor: Supervisor, port: number, secrets: StackSecrets, log: Log): Promise<string> {
  const home = await preparePostgresHome(supervisor.dataDir);
  const cluster = join(home.folder, "cluster");
  await ensureCluster(home, cluster, secrets, log);
  const buildUrl = (name: string): string => `postgresql://${user}:${secrets.postgres_password}@127.0.0.1:${port}/${name}`;
  await supervisor.start({
    name: "postgres",
    command: join(home.bin, "postgres"),
    args: ["-D", cluster, "-p", String(port), ...Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`])],
    env: { ...buildBaseEnvironment(), LC_MESSAGES: "C" },
    cwd: home.folder,
    ...toUidAndGid(home),
    // SIGTERM would wait for every client to disconnect.
    stopSignal: "SIGINT",
    isReady: () => ensureDatabase(buildUrl("postgres")),
  });
  return buildUrl(database);
}

async function ensureDatabase(adminUrl: string): Promise<boolean> {
  const client = new pg.Client({ connectionString: adminUrl, connectionTimeoutMillis: 5_000 });
  try {
    await client.connect();
    const { rowCount } = await client.query("select 1 from pg_database where datname = $1", [database]);
    if (rowCount === 0) await client.query(`create database ${database}`);
    return true;
  } finally {
    await client.end();
  }
}

async function ensureCluster(home: PostgresHome, cluster: string, secrets: StackSecrets, log: Log): Promise<void> {
  const present = await readFile(join(cluster, "PG_VERSION"), "utf8").catch(ignoreAbsence);
  if (present !== undefined) return;
  await withProgress(log, "creating the Postgres cluster", async () => {
    const newCluster = join(home.folder, "cluster.new");
    const passwordFile = join(home.folder, "password");
    await rm(newCluster, { recursive: true, force: true });
    await writeFile(passwordFile, secrets.postgres_password, { mode: 0o600 });
    if (home.uid !== undefined && home.gid !== undefined) await chown(passwordFile, home.uid, home.gid);
    const { code, output } = await executeProgram(
      join(home.bin, "initdb"),
      [
        ...[`--pgdata=${newCluster}`, `--username=${user}`, `--pwfile=${passwordFile}`, "--auth=scram-sha-256"],
        // The same collation on every machine, whatever its locale.
        ...["--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"],
      ],
      { env: { ...buildBaseEnvironment(), LC_ALL: "C" }, timeoutMs: 120_000, cwd: home.folder, ...toUidAndGid(home) },
    );
    await rm(passwordFile, { force: true });
    if (code !== 0) throw new Error(`initdb failed:\n${output}`);
    await rename(newCluster, cluster);
  });
}

function toUidAndGid({ uid, gid }: PostgresHome): { uid?: number; gid?: number } {
  return uid === undefined || gid === undefined ? {} : { uid, gid };
}
