import { fileURLToPath } from "node:url";
import { buildBaseEnvironment } from "../environment.js";
import type { SupervisedProcess, Supervisor } from "../supervise.js";
import { buildNodeArguments } from "./own-entry.js";

export interface OwnProcessSpec {
  /** Names the log `<dataDir>/logs/<name>.log` and the pid file. */
  name: string;
  /** A module of ours below `src/`, without its ending: `worker/lab512`; or an absolute path to one. */
  entry: string;
  args?: readonly string[];
  /** Everything it may know. Only PATH, HOME, TMPDIR and NODE_OPTIONS are passed on besides. */
  env: Readonly<Record<string, string>>;
  readyTimeoutMs?: number;
  /** How long it may take to stop before it is killed; 10 s when absent. */
  stopGraceMs?: number;
}

export interface OwnProcess extends SupervisedProcess {
  /** The members of the line by which it said that it is ready; the api names its address there. */
  readonly announcement: Readonly<Record<string, unknown>>;
}

const searchedBytes = 1024 * 1024;

/**
 * Starts one of our own Node processes and returns when it has printed a line that is JSON with `"ready":true`. It is
 * not restarted when it ends; `exited` tells. Throws a StartError with the end of its log when it never gets ready.
 */
export async function startProcess(supervisor: Supervisor, spec: OwnProcessSpec): Promise<OwnProcess> {
  let announcement: Record<string, unknown> | undefined;
  const child = await supervisor.start({
    name: spec.name,
    command: process.execPath,
    args: [...buildNodeArguments(resolveEntryPath(spec.entry)), ...(spec.args ?? [])],
    env: { ...buildBaseEnvironment(), ...spec.env },
    isReady: ({ log }) => {
      announcement = findAnnouncement(log.readHead(searchedBytes));
      return announcement !== undefined;
    },
    ...(spec.readyTimeoutMs === undefined ? {} : { readyTimeoutMs: spec.readyTimeoutMs }),
    ...(spec.stopGraceMs === undefined ? {} : { stopGraceMs: spec.stopGraceMs }),
  });
  return { ...child, announcement: announcement ?? {} };
}

/** Beside this file lies what belongs to the same kind of tree: sources next to sources, built files next to built. */
function resolveEntryPath(entry: string): string {
  return entry.startsWith("/") ? entry : fileURLToPath(new URL(`../../${entry}.js`, import.meta.url));
}

function findAnnouncement(log: string): Record<string, unknown> | undefined {
  // What follows the last newline may still be growing.
  const lines = log.split("\n").slice(0, -1);
  for (const line of lines) {
    const parsed = parseObject(line);
    if (parsed?.ready === true) return parsed;
  }
  return undefined;
}

function parseObject(line: string): Record<string, unknown> | undefined {
  if (!line.startsWith("{")) return undefined;
  try {
    return JSON.parse(line) as Record<string, unknown>;
  } catch {
    return undefined;
  }
}
