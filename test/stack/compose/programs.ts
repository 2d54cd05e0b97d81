import { execFile } from "node:child_process";
import { chown, copyFile, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { ignoreAbsence } from "../../../src/process/durable-file.js";
import { type PostgresHome, preparePostgresHome } from "../../../src/stack/servers/postgres-account.js";
import { locateTool } from "../../../src/stack/tools/locate.js";
import { obtainTool } from "../../../src/stack/tools/obtain.js";
import type { ToolName } from "../../../src/stack/tools/pins.js";

const run = promisify(execFile);

/** The programs of the images. */
export interface Programs {
  readonly paths: Readonly<Record<string, string>>;
  readonly postgres: PostgresHome;
}

const tools: readonly ToolName[] = ["mc", "minio", "temporal-server", "temporal-sql-tool"];

/**
 * Finds the programs of the vendors' images on PATH or in the user's cache. Returns the name of a missing one. CI also builds them.
 *
 * @throws in CI if a program cannot be built.
 */
export async function obtainPrograms(folder: string): Promise<Programs | { readonly missing: string }> {
  const paths: Record<string, string> = {};
  for (const name of tools) {
    const path = process.env.CI ? await build(name) : (await locateTool(name)).tool?.path;
    if (path === undefined) return { missing: `${name} is neither on PATH nor in the cache. With CI=true the tests build it` };
    paths[name] = path;
  }
  const postgres = await preparePostgresHome(folder);
  return { paths: { ...paths, node: process.execPath, postgres: join(postgres.bin, "postgres") }, postgres };
}

async function build(name: ToolName): Promise<string> {
  const tool = await obtainTool(name, { log: (line) => console.error(`[compose] ${line}`) });
  if (!tool.found) throw new Error(`CI must run the compose file, and cannot without ${name}: ${tool.reasons.join("; ")}`);
  return tool.path;
}

/**
 * Creates a cluster with the superuser's password from the file, as the entrypoint of the Postgres image does. Returns the arguments with
 * its path and address.
 */
export async function preparePostgresEntrypoint(
  { folder, bin, uid, gid }: PostgresHome,
  told: Readonly<Record<string, string>>,
  port: number,
): Promise<string[]> {
  const cluster = join(folder, "cluster");
  if (!(await stat(cluster).catch(ignoreAbsence))) {
    // The account of Postgres cannot read the folder of the secrets.
    const password = join(folder, "password");
    await copyFile(told["POSTGRES_PASSWORD_FILE"] ?? "", password);
    if (uid !== undefined && gid !== undefined) await chown(password, uid, gid);
    const options = (told["POSTGRES_INITDB_ARGS"] ?? "").split(" ");
    await run(join(bin, "initdb"), ["-D", cluster, "--username=postgres", `--pwfile=${password}`, "--auth=scram-sha-256", ...options], {
      env: { PATH: process.env.PATH ?? "" },
      cwd: folder,
      ...(uid === undefined || gid === undefined ? {} : { uid, gid }),
    });
    await rm(password);
  }
  return ["-D", cluster, "-p", String(port), "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories="];
}
