import { stat } from "node:fs/promises";
import { join } from "node:path";
import { ignoreAbsence } from "../../process/durable-file.js";
import { type Log, withProgress } from "../progress.js";
import { installInCache } from "./cache.js";
import { executeProgram } from "./execute.js";
import { listOnPath } from "./locate.js";
import { oldestGo, type ToolPin } from "./pins.js";

const buildMaxMs = 30 * 60_000;

export type Obtained = { path: string } | { reason: string };

/** Builds a tool with `go install`, which checks every module against Go's checksum database. */
export async function installWithGo(pin: ToolPin, env: NodeJS.ProcessEnv, log: Log): Promise<Obtained> {
  const [go] = await listOnPath("go", env);
  if (go === undefined) return { reason: "Go is not installed" };
  const version = await executeProgram(go, ["version"], { env, timeoutMs: 20_000 });
  const [, major, minor] = /go(\d+)\.(\d+)/.exec(version.output) ?? [];
  if (Number(major) < oldestGo.major || !(Number(minor) >= oldestGo.minor)) {
    return { reason: `${go} is older than ${oldestGo.major}.${oldestGo.minor} (${version.output.trim()})` };
  }
  const target = `${pin.goModule}@${pin.version}`;
  let reason = "";
  const buildTool = async (folder: string): Promise<string> => {
    const { code, output, hasTimedOut } = await executeProgram(go, ["install", ...pin.goFlags, target], {
      env: { ...env, ...pin.goEnv, GOBIN: folder, GOFLAGS: "", GOWORK: "off" },
      timeoutMs: buildMaxMs,
    });
    const binary = join(folder, pin.goBinary ?? pin.name);
    const built = code === 0 && (await stat(binary).catch(ignoreAbsence))?.isFile();
    if (built) return binary;
    reason = `go install ${target} failed: ${hasTimedOut ? "it took too long" : extractLastLine(output)}`;
    throw new Error(reason);
  };
  try {
    return { path: await withProgress(log, `building ${pin.name} with go install ${target}`, () => installInCache(env, pin, buildTool)) };
  } catch (error) {
    if (reason === "") throw error;
    return { reason };
  }
}

function extractLastLine(output: string): string {
  return output.trim().split("\n").at(-1) || "no output";
}
