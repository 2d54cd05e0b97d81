import { execFile } from "node:child_process";
import { resolve } from "node:path";
import { promisify } from "node:util";

/** Builds the processes into `folder` of the clone, whose path it answers: they start from that in half the time that the sources take. */
export async function buildProcesses(folder: string): Promise<string> {
  await promisify(execFile)(process.execPath, ["scripts/build.mjs", "--out", folder]);
  return resolve(folder);
}
