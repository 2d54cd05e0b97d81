import { join } from "node:path";
import { withFolderLock } from "../../process/lock.js";
import type { Log } from "../progress.js";
import { resolveCacheFolder } from "./cache.js";
import { installWithGo } from "./go-install.js";
import { type LocatedTool, locateTool } from "./locate.js";
import { pins, type ToolName } from "./pins.js";
import { createTemporalDownloader, type Downloader, downloadTool } from "./vendor.js";

export type ObtainedTool =
  | { found: true; path: string; source: LocatedTool["source"] | "vendor" | "go" }
  | { found: false; reasons: string[] };

export interface ObtainOptions {
  log: Log;
  env?: NodeJS.ProcessEnv;
  /** The vendor's downloader; by default Temporal's own for `temporal`, and none for the rest. */
  downloader?: Downloader;
}

/**
 * Finds or installs a server tool. Tries PATH, the user's cache, the vendor and `go install`, in this order. If all of them fail, the
 * result gives the reason for each, one sentence a step, and the caller decides whether to continue.
 */
export async function obtainTool(name: ToolName, { log, env = process.env, downloader }: ObtainOptions): Promise<ObtainedTool> {
  const first = await locateTool(name, env);
  for (const sentence of first.rejections) log(sentence);
  if (first.tool) return { found: true, ...first.tool };
  const lock = join(resolveCacheFolder(env), "locks", name);
  const onWait = (pid: number): void => log(`process ${pid} is obtaining ${name}: waiting for it`);
  return withFolderLock(lock, onWait, async () => {
    // The previous holder of the lock may have stored it.
    const relocated = await locateTool(name, env);
    if (relocated.tool) return { found: true, ...relocated.tool };
    return fetchOrBuild(name, { log, env, ...(downloader ? { downloader } : {}) }, first.rejections);
  });
}

async function fetchOrBuild(
  name: ToolName,
  options: ObtainOptions & { env: NodeJS.ProcessEnv },
  rejections: readonly string[],
): Promise<ObtainedTool> {
  const { log, env } = options;
  const pin = pins[name];
  const reasons = [...rejections];
  const downloader = options.downloader ?? (name === "temporal" ? createTemporalDownloader(pin) : undefined);
  if (downloader) {
    const downloaded = await downloadTool(downloader, pin, env, log);
    if ("path" in downloaded) return { found: true, path: downloaded.path, source: "vendor" };
    log(downloaded.reason);
    reasons.push(downloaded.reason);
  }
  const built = await installWithGo(pin, env, log);
  if ("path" in built) return { found: true, path: built.path, source: "go" };
  log(built.reason);
  return { found: false, reasons: [...reasons, built.reason] };
}
