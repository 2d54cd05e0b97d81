import { execFile } from "node:child_process";
import { resolve } from "node:path";
import { promisify } from "node:util";

/** Builds the processes into `folder` of the clone, from which they start twice as fast as from the sources. Returns its path. */
export async function buildProcesses(folder: string): Promise<string> {
  await promisify(execFile)(process.execPath, ["scripts/build.mjs", "--out", folder]);
  return resolve(folder);
}
