import { randomUUID } from "node:crypto";
import { chmod, copyFile, mkdir, rename, rm } from "node:fs/promises";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import type { ToolPin } from "./pins.js";

/** Returns the folder of built and downloaded tools: `$OGR_CACHE_DIR`, `$XDG_CACHE_HOME/ogr` or `~/.cache/ogr`. */
export function resolveCacheFolder(env: NodeJS.ProcessEnv): string {
  if (env.OGR_CACHE_DIR) return env.OGR_CACHE_DIR;
  return join(env.XDG_CACHE_HOME || join(env.HOME || homedir(), ".cache"), "ogr");
}

/** Returns the path of a tool's pinned version in the cache, whether or not it exists. */
export function resolveCachedPath(env: NodeJS.ProcessEnv, pin: ToolPin): string {
  return join(resolveCacheFolder(env), pin.name, pin.version, pin.name);
}

/**
 * Gives `work` a new folder inside the cache and moves the executable that it returns into place by a rename, so that other processes see
 * either a whole file or none, even when two of them install at once.
 */
export async function installInCache(env: NodeJS.ProcessEnv, pin: ToolPin, work: (folder: string) => Promise<string>): Promise<string> {
  const target = resolveCachedPath(env, pin);
  const folder = join(resolveCacheFolder(env), "tmp", `${pin.name}-${randomUUID()}`);
  await mkdir(folder, { recursive: true });
  try {
    const executable = await work(folder);
    await chmod(executable, 0o755);
    await mkdir(dirname(target), { recursive: true });
    await moveAcross(executable, target);
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
    const temporary = `${to}.${randomUUID()}`;
    await copyFile(from, temporary);
    await rename(temporary, to);
  }
}
