import { access, constants, stat } from "node:fs/promises";
import { delimiter, isAbsolute, join } from "node:path";
import { resolveCachedPath } from "./cache.js";
import { executeProgram } from "./execute.js";
import { pins, type ToolName, type ToolPin } from "./pins.js";

export interface LocatedTool {
  path: string;
  source: "path" | "cache";
}

export interface Location {
  tool?: LocatedTool;
  /** Why candidates were rejected, one sentence each. */
  rejections: string[];
}

/** Looks for a tool on PATH and then in the user's cache. Runs each candidate once to read its version. */
export async function locateTool(name: ToolName, env: NodeJS.ProcessEnv = process.env): Promise<Location> {
  const pin = pins[name];
  const rejections: string[] = [];
  for (const path of await listOnPath(name, env)) {
    const output = await readVersionOutput(path, pin, env);
    if (output !== undefined && pin.isAcceptedOnPath(output)) return { tool: { path, source: "path" }, rejections };
    rejections.push(`${path} is not a version known to work (${extractFirstLine(output)})`);
  }
  const path = resolveCachedPath(env, pin);
  if (await isExecutable(path)) {
    const output = await readVersionOutput(path, pin, env);
    if (output !== undefined && pin.answerPattern.test(output)) return { tool: { path, source: "cache" }, rejections };
    rejections.push(`${path} does not run (${extractFirstLine(output)})`);
  }
  return { rejections };
}

/** Returns every executable file of that name on PATH, in order. */
export async function listOnPath(name: string, env: NodeJS.ProcessEnv): Promise<string[]> {
  const folders = (env.PATH ?? "").split(delimiter).filter(isAbsolute);
  const candidates = [...new Set(folders)].map((folder) => join(folder, name));
  const found = await Promise.all(candidates.map(isExecutable));
  return candidates.filter((_, index) => found[index]);
}

async function isExecutable(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK);
    return (await stat(path)).isFile();
  } catch (error) {
    if (["ENOENT", "EACCES", "ENOTDIR"].includes((error as NodeJS.ErrnoException).code ?? "")) return false;
    throw error;
  }
}

async function readVersionOutput(path: string, pin: ToolPin, env: NodeJS.ProcessEnv): Promise<string | undefined> {
  const { code, output } = await executeProgram(path, pin.versionArgs, { env, timeoutMs: 20_000 });
  return code === 0 ? output : undefined;
}

function extractFirstLine(output: string | undefined): string {
  return output?.trim().split("\n")[0] || "no output";
}
