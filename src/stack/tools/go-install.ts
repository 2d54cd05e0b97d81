import { stat } from "node:fs/promises";
import { join } from "node:path";
import { unlessAbsent } from "../absence.js";
import { type Log, withProgress } from "../progress.js";
import { installInto } from "./cache.js";
import { execute } from "./execute.js";
import { onPath } from "./locate.js";
import { oldestGo, type ToolPin } from "./pins.js";

const longestBuild_ms = 30 * 60_000;

export type Obtained = { path: string } | { reason: string };

/** Builds a tool with `go install`, which checks every module against Go's checksum database. */
export async function goInstall(pin: ToolPin, env: NodeJS.ProcessEnv, log: Log): Promise<Obtained> {
  const [go] = await onPath("go", env);
  if (go === undefined) return { reason: "Go is not installed" };
  const version = await execute(go, ["version"], { env, timeout_ms: 20_000 });
  const [, major, minor] = /go(\d+)\.(\d+)/.exec(version.output) ?? [];
  if (Number(major) < oldestGo.major || !(Number(minor) >= oldestGo.minor)) {
    return { reason: `${go} is older than ${oldestGo.major}.${oldestGo.minor} (${version.output.trim()})` };
  }
  const target = `${pin.go_module}@${pin.version}`;
  let reason = "";
  const build = async (folder: string): Promise<string> => {
    const { code, output, timed_out } = await execute(go, ["install", ...pin.go_flags, target], {
      env: { ...env, ...pin.go_env, GOBIN: folder, GOFLAGS: "", GOWORK: "off" },
      timeout_ms: longestBuild_ms,
    });
    const made = join(folder, pin.go_binary ?? pin.name);
    const built = code === 0 && (await unlessAbsent(stat(made)))?.isFile();
    if (built) return made;
    reason = `go install ${target} failed: ${timed_out ? "it took too long" : lastLine(output)}`;
    throw new Error(reason);
  };
  try {
    return { path: await withProgress(log, `building ${pin.name} with go install ${target}`, () => installInto(env, pin, build)) };
  } catch (error) {
    if (reason === "") throw error;
    return { reason };
  }
}

function lastLine(output: string): string {
  return output.trim().split("\n").at(-1) || "it said nothing";
}
