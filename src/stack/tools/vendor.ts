import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Log, withProgress } from "../progress.js";
import { buildNodeArguments } from "../registry/own-entry.js";
import { installInCache } from "./cache.js";
import { executeProgram } from "./execute.js";
import type { Obtained } from "./go-install.js";
import type { ToolPin } from "./pins.js";

const downloadMaxMs = 20 * 60_000;

export interface Downloader {
  command: string;
  buildArgs(folder: string): readonly string[];
  /** A download that receives no bytes for this long is abandoned. */
  stallMs: number;
}

/** Creates the vendor's own downloader of the Temporal CLI. The other tools have no source whose checksums could be verified. */
export function createTemporalDownloader(pin: ToolPin): Downloader {
  const entry = fileURLToPath(new URL("./temporal-download.js", import.meta.url));
  return {
    command: process.execPath,
    buildArgs: (folder) => [...buildNodeArguments(entry), folder, pin.version],
    stallMs: 10_000,
  };
}

/** Downloads a tool into the cache. It is limited by progress more than by total time, so that a slow connection still succeeds. */
export async function downloadTool(downloader: Downloader, pin: ToolPin, env: NodeJS.ProcessEnv, log: Log): Promise<Obtained> {
  let reason = "";
  const downloadInto = async (folder: string): Promise<string> => {
    let [seenBytes, progressAt] = [0, performance.now()];
    const isStalled = async (): Promise<boolean> => {
      const nowBytes = await computeSizeBytes(folder);
      if (nowBytes > seenBytes) [seenBytes, progressAt] = [nowBytes, performance.now()];
      return performance.now() - progressAt > downloader.stallMs;
    };
    const { code, output, hasTimedOut } = await executeProgram(downloader.command, downloader.buildArgs(folder), {
      env: { ...env, TMPDIR: folder },
      timeoutMs: downloadMaxMs,
      shouldAbandon: isStalled,
    });
    const downloaded = await findLargestFile(folder);
    if (code === 0 && downloaded !== undefined) return downloaded;
    reason = hasTimedOut
      ? `the vendor's download of ${pin.name} received nothing for ${downloader.stallMs / 1_000} s`
      : `the vendor's download of ${pin.name} failed (${extractErrorLine(output)})`;
    throw new Error(reason);
  };
  try {
    const path = await withProgress(log, `downloading ${pin.name} ${pin.version} from its vendor`, () =>
      installInCache(env, pin, downloadInto),
    );
    return { path };
  } catch (error) {
    if (reason === "") throw error;
    return { reason };
  }
}

async function listFiles(folder: string): Promise<{ path: string; size: number }[]> {
  const entries = await readdir(folder, { withFileTypes: true, recursive: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  // A file may be renamed between readdir and stat.
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

async function computeSizeBytes(folder: string): Promise<number> {
  return (await listFiles(folder)).reduce((sum, file) => sum + file.size, 0);
}

async function findLargestFile(folder: string): Promise<string | undefined> {
  return (await listFiles(folder)).sort((a, b) => b.size - a.size)[0]?.path;
}

function extractErrorLine(output: string): string {
  const lines = output.split("\n").map((line) => line.trim());
  return (lines.find((line) => /^\[?\w*Error\b/.test(line)) ?? lines.find((line) => line !== "") ?? "no output").slice(0, 300);
}
