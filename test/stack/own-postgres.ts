import { execFile } from "node:child_process";
import { chown, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import pg from "pg";
import { removeDataFolder } from "../../src/stack/data-folder.js";
import { ensureSecrets } from "../../src/stack/founding/secrets.js";
import { choosePorts } from "../../src/stack/servers/ports.js";
import { startPostgres } from "../../src/stack/servers/postgres.js";
import { preparePostgresHome } from "../../src/stack/servers/postgres-account.js";
import { Supervisor } from "../../src/stack/supervise.js";

const run = promisify(execFile);
const log = (): void => undefined;

/** A Postgres for one test, which can be backed up and restored. */
export interface OwnPostgres {
  readonly url: string;
  /** Makes a base backup while Postgres serves, like `pg_basebackup`. Returns its folder. */
  backUp(name: string): Promise<string>;
  /** Stops Postgres, replaces its data by this backup, and starts it again. */
  restore(backup: string): Promise<void>;
  close(): Promise<void>;
}

export async function startOwnPostgres(dataDir: string): Promise<OwnPostgres> {
  const supervisor = new Supervisor(dataDir);
  const { postgres: port } = await choosePorts(dataDir, ["postgres"]);
  const secrets = await ensureSecrets(dataDir);
  const { folder } = await preparePostgresHome(dataDir);
  const cluster = join(folder, "cluster");
  const start = (): Promise<string> => startPostgres(supervisor, port, secrets, log);
  const url = await start();
  return {
    url,
    async backUp(name) {
      const backup = join(folder, name);
      await writeBaseBackup(url, cluster, backup);
      return backup;
    },
    async restore(backup) {
      await supervisor.processes.find((process) => process.name === "postgres")?.stop();
      await rm(cluster, { recursive: true, force: true });
      await run("cp", ["-a", backup, cluster]);
      await start();
    },
    async close() {
      await supervisor.stop();
      await removeDataFolder(dataDir, log);
    },
  };
}

/** Makes a backup by the low-level interface of PostgreSQL 18 §25.3.4: start, copy, stop, then the WAL and the backup label. */
async function writeBaseBackup(url: string, cluster: string, backup: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query("select pg_backup_start('test', fast => true)");
    await run("cp", ["-a", cluster, backup]);
    const { rows } = await client.query<{ labelfile: string }>("select labelfile from pg_backup_stop(wait_for_archive => false)");
    await Promise.all(
      ["postmaster.pid", "postmaster.opts", "pg_wal"].map((name) => rm(join(backup, name), { recursive: true, force: true })),
    );
    await run("cp", ["-a", join(cluster, "pg_wal"), join(backup, "pg_wal")]);
    const [label, { uid, gid }] = [join(backup, "backup_label"), await stat(cluster)];
    await writeFile(label, rows[0]?.labelfile ?? "");
    // The files are written by root but must belong to the account of Postgres.
    await chown(label, uid, gid);
  } finally {
    await client.end();
  }
}
