import { execFileSync } from "node:child_process";
import { randomInt } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isPortFree } from "../../../src/stack/servers/ports.js";
import { resolveOutsideFolder } from "../../../src/stack/servers/postgres-account.js";
import { Supervisor } from "../../../src/stack/supervise.js";
import { packPackage } from "../../harness/package.js";
import { ComposeProcesses } from "./as-processes.js";
import type { Compose, ComposeService } from "./file.js";
import { obtainPrograms, preparePostgresEntrypoint } from "./programs.js";

/** Every listening port in the compose file and its mounted files. */
const named = ["5432", "7233", "7234", "7235", "7239", "6933", "6934", "6935", "6939", "9000", "7450"];

export interface ComposeWorld {
  readonly folder: string;
  readonly services: ComposeProcesses;
  readonly ports: Readonly<Record<string, number>>;
  /** The path of each program in the images. */
  readonly programs: Readonly<Record<string, string>>;
  stop(): Promise<void>;
}

/** Creates a folder in which the compose file can be run as processes, with secrets created by the manual's commands. */
export async function openComposeWorld(compose: Compose, makeSecrets: string): Promise<ComposeWorld | { readonly missing: string }> {
  const folder = await mkdtemp(join(tmpdir(), "ogr-compose-"));
  const remove = () => Promise.all([folder, resolveOutsideFolder(folder)].map((path) => rm(path, { recursive: true, force: true })));
  const programs = await obtainPrograms(folder);
  if ("missing" in programs) {
    await remove();
    return programs;
  }
  const { unpacked } = await packPackage();
  const ports = Object.fromEntries(await Promise.all(named.map(async (name) => [name, await findFreePort()] as const)));
  const supervisor = new Supervisor(folder);
  const services = new ComposeProcesses(compose, {
    folder,
    supervisor,
    ports,
    resolveImage: (_, service) => ({ programs: programs.paths, ...(isOurs(service) ? { cwd: unpacked } : {}) }),
    prepareEntrypoint: async (name, _, told) =>
      name === "postgres" ? preparePostgresEntrypoint(programs.postgres, told, ports["5432"] ?? 0) : [],
    findIdentity: (name) => {
      const { uid, gid } = programs.postgres;
      return name === "postgres" && uid !== undefined && gid !== undefined ? { uid, gid } : {};
    },
  });
  execFileSync("sh", ["-euc", services.translateText(makeSecrets)], { cwd: folder, env: { PATH: process.env.PATH ?? "" } });
  return {
    folder,
    services,
    ports,
    programs: programs.paths,
    async stop() {
      await supervisor.stop();
      await remove();
    },
  };
}

/** Tells whether the service runs the registry's own image. */
export const isOurs = (service: ComposeService): boolean => service.image.startsWith("office-git-registry:");

/** Finds a port that Temporal can store as a membership port (a smallint), below the range of client ports. */
async function findFreePort(): Promise<number> {
  for (;;) {
    const port = randomInt(20_000, 32_000);
    if (await isPortFree(port)) return port;
  }
}
