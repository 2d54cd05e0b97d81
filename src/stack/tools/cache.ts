import { randomUUID } from "node:crypto";
import { chmod, copyFile, mkdir, rename, rm } from "node:fs/promises";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import type { ToolPin } from "./pins.js";

/** The folder of built and downloaded tools: `$OGR_CACHE_DIR`, `$XDG_CACHE_HOME/ogr` or `~/.cache/ogr`. */
export function resolveCacheFolder(env: NodeJS.ProcessEnv): string {
  if (env.OGR_CACHE_DIR) return env.OGR_CACHE_DIR;
  return join(env.XDG_CACHE_HOME || join(env.HOME || homedir(), ".cache"), "ogr");
}

/** Where the pinned version of a tool lies in the cache, whether it is there or not. */
export function resolveCachedPath(env: NodeJS.ProcessEnv, pin: ToolPin): string {
  return join(resolveCacheFolder(env), pin.name, pin.version, pin.name);
}

/**
 * Gives `work` a fresh folder inside the cache, and puts the executable that it answers into its place by a rename:
 * whoever looks sees a whole file or none, also when two processes install at once.
 */
export async function installInCache(env: NodeJS.ProcessEnv, pin: ToolPin, work: (folder: string) => Promise<string>): Promise<string> {
  const target = resolveCachedPath(env, pin);
  const folder = join(resolveCacheFolder(env), "tmp", `${pin.name}-${randomUUID()}`);
  await mkdir(folder, { recursive: true });
  try {
    const made = await work(folder);
    await chmod(made, 0o755);
    await mkdir(dirname(target), { recursive: true });
    await moveAcross(made, target);
    return target;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function moveAcross(from: string, to: string): Promise<void> {
  try {
    await rename(from, to);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EXDEV") throw error;
    const beside = `${to}.${randomUUID()}`;
    await copyFile(from, beside);
    await rename(beside, to);
  }
}
