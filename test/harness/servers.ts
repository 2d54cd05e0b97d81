import { mkdir, readdir, readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import type { TestProject } from "vitest/node";
import { built } from "../../scripts/built.js";
import { removeDataFolder } from "../../src/stack/data-folder.js";
import { chooseUnusualPorts } from "../../src/stack/servers/ports.js";
import { addressesOf, type ServerAddresses } from "../../src/stack/servers/server-addresses.js";
import { startServers } from "../../src/stack/servers/servers.js";
import { locateTool } from "../../src/stack/tools/locate.js";
import { obtainTool } from "../../src/stack/tools/obtain.js";
import { compileProcesses } from "./compile-processes.js";

declare module "vitest" {
  export interface ProvidedContext {
    /** The running servers of this test run. */
    servers: ServerAddresses & { readonly built?: string };
  }
}

const root = resolve(".ogr");
const log = (line: string): void => console.error(`[servers] ${line}`);

/**
 * Starts the real servers once for a whole run, in a fresh folder that goes with them. With `OGR_TEST_SERVERS` naming
 * the file that src/stack/keep.ts wrote, those servers are used and left running.
 */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  await nameOpa();
  const kept = process.env.OGR_TEST_SERVERS;
  if (kept) {
    project.provide("servers", JSON.parse(await readFile(kept, "utf8")) as ServerAddresses);
    return async () => undefined;
  }
  await removeAbandonedRuns();
  const data_dir = join(root, `test-${process.pid}`);
  await chooseUnusualPorts(data_dir);
  const [servers, folder] = await Promise.all([startServers({ data_dir, log }), built(".built")]);
  await compileProcesses(folder);
  project.provide("servers", { ...addressesOf(servers, data_dir), built: folder });
  return async () => {
    await servers.stop();
    await removeDataFolder(data_dir, log);
  };
}

/** The policy's tests build it anew wherever opa is: on PATH or in the user's cache, and CI obtains it. */
async function nameOpa(): Promise<void> {
  if (process.env.OGR_OPA) return;
  const opa = process.env.CI ? await obtainTool("opa", { log }) : (await locateTool("opa", process.env)).tool;
  if (opa !== undefined && "path" in opa) process.env.OGR_OPA = opa.path;
}

/** A run that was killed could not tidy up. */
async function removeAbandonedRuns(): Promise<void> {
  await mkdir(root, { recursive: true });
  const folders = (await readdir(root)).filter((name) => /^test-\d+$/.test(name));
  await Promise.all(folders.map((name) => removeDataFolder(join(root, name), log)));
}
