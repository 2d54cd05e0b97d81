import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Log, withProgress } from "../progress.js";
import { nodeArguments } from "../registry/own-entry.js";
import { installInto } from "./cache.js";
import { execute } from "./execute.js";
import type { Obtained } from "./go-install.js";
import type { ToolPin } from "./pins.js";

const longestDownload_ms = 20 * 60_000;

export interface Downloader {
  command: string;
  args(folder: string): readonly string[];
  /** A download that has brought no byte for so long is given up. */
  stall_ms: number;
}

/** The vendor's own downloader of the Temporal CLI. No other tool has a source whose checksums we could verify. */
export function temporalDownloader(pin: ToolPin): Downloader {
  const entry = fileURLToPath(new URL("./temporal-download.js", import.meta.url));
  return {
    command: process.execPath,
    args: (folder) => [...nodeArguments(entry), folder, pin.version],
    stall_ms: 10_000,
  };
}

/** Downloads a tool into the cache. Limited by progress rather than by time, so that a slow line still succeeds. */
export async function downloadFrom(downloader: Downloader, pin: ToolPin, env: NodeJS.ProcessEnv, log: Log): Promise<Obtained> {
  let reason = "";
  const download = async (folder: string): Promise<string> => {
    let [seen_bytes, progressAt] = [0, performance.now()];
    const abandon = async (): Promise<boolean> => {
      const now_bytes = await sizeOf(folder);
      if (now_bytes > seen_bytes) [seen_bytes, progressAt] = [now_bytes, performance.now()];
      return performance.now() - progressAt > downloader.stall_ms;
    };
    const { code, output, timed_out } = await execute(downloader.command, downloader.args(folder), {
      env: { ...env, TMPDIR: folder },
      timeout_ms: longestDownload_ms,
      abandon,
    });
    const made = await largestFile(folder);
    if (code === 0 && made !== undefined) return made;
    reason = timed_out
      ? `the vendor's download of ${pin.name} brought nothing for ${downloader.stall_ms / 1_000} s`
      : `the vendor's download of ${pin.name} failed (${errorLine(output)})`;
    throw new Error(reason);
  };
  try {
    const path = await withProgress(log, `downloading ${pin.name} ${pin.version} from its vendor`, () => installInto(env, pin, download));
    return { path };
  } catch (error) {
    if (reason === "") throw error;
    return { reason };
  }
}

async function filesOf(folder: string): Promise<{ path: string; size: number }[]> {
  const entries = await readdir(folder, { withFileTypes: true, recursive: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  // A file may be renamed between the listing and the look at it.
  const sizes = await Promise.all(
    files.map((path) =>
      stat(path).then(
        (found) => found.size,
        () => 0,
      ),
    ),
  );
  return files.map((path, index) => ({ path, size: sizes[index] ?? 0 }));
}

async function sizeOf(folder: string): Promise<number> {
  return (await filesOf(folder)).reduce((sum, file) => sum + file.size, 0);
}

async function largestFile(folder: string): Promise<string | undefined> {
  return (await filesOf(folder)).sort((a, b) => b.size - a.size)[0]?.path;
}

function errorLine(output: string): string {
  const lines = output.split("\n").map((line) => line.trim());
  return (lines.find((line) => /^\[?\w*Error\b/.test(line)) ?? lines.find((line) => line !== "") ?? "it said nothing").slice(0, 300);
}
