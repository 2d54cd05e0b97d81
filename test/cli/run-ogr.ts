import { execFile } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { inject } from "vitest";
import type { z } from "zod";
import type { ServedRegistry } from "../harness/registry.js";

const OGR = fileURLToPath(new URL("../../bin/ogr.mjs", import.meta.url));

/** Returns the program of the build, which starts twice as fast, or that of the sources if there is no build. */
export function resolveOgr(): string {
  const { built } = inject("servers") ?? {};
  return built === undefined ? OGR : join(built, "cli", "main.js");
}

export interface OgrAnswer {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  /** The last line of standard output as JSON. */
  json<T>(schema: z.ZodType<T>): T;
}

/**
 * Runs the real `ogr` as a process, from the build where there is one, with this environment and nothing else of ours but the path to its
 * programs and what Node preloads in a test run. `input` is what stands on its standard input, and its standard output goes to
 * `outputPath` where that is given.
 */
export function runOgr(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
  { cwd, input, outputPath }: { readonly cwd?: string; readonly input?: string; readonly outputPath?: string } = {},
): Promise<OgrAnswer> {
  const environment = { ...buildBareEnvironment(), ...env };
  return new Promise((resolve, reject) => {
    const words = [process.execPath, resolveOgr(), ...args];
    const [command = "", ...rest] = outputPath === undefined ? words : ["sh", "-c", `exec "$@" >${outputPath}`, "sh", ...words];
    const child = execFile(command, rest, { env: environment, ...(cwd === undefined ? {} : { cwd }) }, (error, stdout, stderr) => {
      const code = error === null ? 0 : error.code;
      if (typeof code !== "number") {
        reject(error);
        return;
      }
      resolve({ code, stdout, stderr, json: (schema) => schema.parse(JSON.parse(stdout.trim().split("\n").at(-1) ?? "")) });
    });
    child.stdin?.end(input);
  });
}

/** Nothing of ours but the path to its programs and what Node preloads in a test run. */
export function buildBareEnvironment(): Record<string, string> {
  const { PATH = "", HOME = "", NODE_OPTIONS = "" } = process.env;
  return { PATH, HOME, NODE_OPTIONS };
}

/** The environment of a person at a terminal: the registry, the token and the passkey file. */
export function toPersonEnvironment(registry: ServedRegistry, name: string, tenant?: string): Record<string, string> {
  return {
    OGR_SERVER: registry.url,
    OGR_TOKEN: registry.getActor(name, tenant).token,
    OGR_CONFIG_DIR: `${registry.dataDir}/people/${name}`,
  };
}
