import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { hasProcess } from "../../process/process-identity.js";
import type { Layout } from "./layout.js";

/** Removes the temporary files of processes that no longer run. */
export async function sweepTemporaryFiles(layout: Layout): Promise<void> {
  for (const name of await readdir(layout.temporary)) {
    const pid = Number(name.split("-", 1)[0]);
    if (Number.isSafeInteger(pid) && pid > 0 && !hasProcess(pid)) await rm(join(layout.temporary, name), { force: true });
  }
}
