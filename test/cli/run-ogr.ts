import { execFile } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { inject } from "vitest";
import type { z } from "zod";
import type { ServedRegistry } from "../harness/registry.js";

export const OGR = fileURLToPath(new URL("../../bin/ogr.mjs", import.meta.url));

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
  const environment = { PATH: process.env.PATH ?? "", HOME: process.env.HOME ?? "", NODE_OPTIONS: process.env.NODE_OPTIONS ?? "", ...env };
  const { built } = inject("servers");
  const program = built === undefined ? OGR : join(built, "cli", "main.js");
  return new Promise((resolve, reject) => {
    const words = [process.execPath, program, ...args];
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

/** The environment of a person at a terminal: the registry, the token and the passkey file. */
export function toPersonEnvironment(registry: ServedRegistry, name: string, tenant?: string): Record<string, string> {
  return {
    OGR_SERVER: registry.url,
    OGR_TOKEN: registry.getActor(name, tenant).token,
    OGR_CONFIG_DIR: `${registry.dataDir}/people/${name}`,
  };
}
