import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdir, readdir, readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import type { TestProject } from "vitest/node";
import { buildProcesses } from "../../scripts/build-processes.js";
import { chooseUnusualPorts } from "../../scripts/unusual-ports.js";
import { removeDataFolder } from "../../src/stack/data-folder.js";
import { type ServerAddresses, toServerAddresses } from "../../src/stack/servers/server-addresses.js";
import { startServers } from "../../src/stack/servers/servers.js";
import { locateTool } from "../../src/stack/tools/locate.js";
import { obtainTool } from "../../src/stack/tools/obtain.js";
import { administer } from "./administer.js";
import { compileProcesses } from "./compile-processes.js";

declare module "vitest" {
  export interface ProvidedContext {
    /** The servers of this test run. */
    servers: ServerAddresses & {
      readonly built?: string;
      /** The database that test files copy. The first test file that needs it creates it. */
      readonly template_database: string;
    };
  }
}

const root = resolve(".ogr");
const log = (line: string): void => console.error(`[servers] ${line}`);

/** Programs from the system that tests run, each with arguments that succeed only if the program works here. */
const PROGRAMS: Readonly<Record<string, readonly string[]>> = {
  openssl: ["version"],
  promtool: ["--version"],
  // It has no command that only names its version; this one finds nothing to remove.
  "ssh-keygen": ["-R", "nowhere", "-f", "/dev/null"],
  strace: ["-qq", "-o", "/dev/null", "true"],
};

/**
 * Starts the servers once for a whole run, in a new folder that is removed with them. If `OGR_TEST_SERVERS` names the
 * file that src/stack/keep.ts writes, the run uses those servers and leaves them running.
 */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  preloadInEveryProcess();
  const missing = await findMissingTools();
  const template_database = `template_${randomBytes(4).toString("hex")}`;
  const kept = process.env.OGR_TEST_SERVERS;
  if (kept) {
    const servers = JSON.parse(await readFile(kept, "utf8")) as ServerAddresses;
    reportMissing(servers.s3 === undefined ? [...missing, "minio"] : missing);
    project.provide("servers", { ...servers, template_database });
    return () => administer(servers.database_url, `drop database if exists "${template_database}"`);
  }
  await removeAbandonedRuns();
  const dataDir = join(root, `test-${process.pid}`);
  await chooseUnusualPorts(dataDir);
  const [servers, folder] = await Promise.all([startServers({ dataDir, log }), buildProcesses(".built")]);
  const stop = async () => {
    await servers.stop();
    await removeDataFolder(dataDir, log);
  };
  try {
    reportMissing(servers.objectStore.kind === "s3" ? missing : [...missing, "minio"]);
    await compileProcesses(folder);
  } catch (error) {
    await stop();
    throw error;
  }
  project.provide("servers", { ...toServerAddresses(servers, dataDir), built: folder, template_database });
  return stop;
}

/** Makes every Node process of this run start and work with less of V8's compiler, whose work pays off in processes that live longer. */
function preloadInEveryProcess(): void {
  const loaded = ["delay-optimization", "code-cache"].map((name) => `--require=${resolve("test/harness", `${name}.cjs`)}`);
  process.env.NODE_OPTIONS = [process.env.NODE_OPTIONS, ...loaded].filter((one) => one !== undefined).join(" ");
}

/** Tests skip what needs a missing tool. In CI nothing may be skipped, so a missing tool fails the run. */
function reportMissing(tools: readonly string[]): void {
  if (tools.length === 0) return;
  if (process.env.CI) throw new Error(`CI must run every test, and cannot without ${tools.join(", ")}. See .ci/run.`);
  log(`tests that need ${tools.join(", ")} are skipped: not found here`);
}

async function findMissingTools(): Promise<string[]> {
  const missing = Object.keys(PROGRAMS).filter((name) => !canRun(name, PROGRAMS[name] ?? []));
  return (await findOpa()) ? missing : [...missing, "opa"];
}

function canRun(program: string, args: readonly string[]): boolean {
  try {
    execFileSync(program, args, { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

/** Sets `OGR_OPA` for the tests that build the policy. Opa may be on PATH or in the user's cache. CI also builds it. */
async function findOpa(): Promise<boolean> {
  if (process.env.OGR_OPA) return true;
  const opa = process.env.CI ? await obtainTool("opa", { log }) : (await locateTool("opa", process.env)).tool;
  if (opa !== undefined && "path" in opa) process.env.OGR_OPA = opa.path;
  return process.env.OGR_OPA !== undefined;
}

/** Removes the folders of killed runs. */
async function removeAbandonedRuns(): Promise<void> {
  await mkdir(root, { recursive: true });
  const folders = (await readdir(root)).filter((name) => /^test-\d+$/.test(name));
  await Promise.all(folders.map((name) => removeDataFolder(join(root, name), log)));
}
