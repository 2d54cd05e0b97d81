import { fileURLToPath } from "node:url";
import { parseJson } from "../../domain/json.js";
import { buildBaseEnvironment } from "../environment.js";
import type { SupervisedProcess, Supervisor } from "../supervise.js";
import { buildNodeArguments } from "./own-entry.js";

export interface OwnProcessSpec {
  /** Used for the log `<dataDir>/logs/<name>.log` and the pid file. */
  name: string;
  /** A module of ours below `src/`, without its extension, such as `worker/lab512`; or an absolute path to one. */
  entry: string;
  args?: readonly string[];
  /** Its environment. Apart from this, only PATH, HOME, TMPDIR and NODE_OPTIONS are inherited. */
  env: Readonly<Record<string, string>>;
  readyTimeoutMs?: number;
  /** How long it may take to stop before it is killed; 10 s by default. */
  stopGraceMs?: number;
}

export interface OwnProcess extends SupervisedProcess {
  /** The members of the JSON line with which it announced that it is ready; the api's line has its address. */
  readonly announcement: Readonly<Record<string, unknown>>;
}

const searchedBytes = 1024 * 1024;

/**
 * Starts one of our own Node processes and returns when it has printed a JSON line with `"ready":true`. It is not restarted when it ends;
 * `exited` reports that. Throws a StartError with the end of its log if it never becomes ready.
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

/** Resolves a module relative to this file, so that sources start sources and built files start built files. */
function resolveEntryPath(entry: string): string {
  return entry.startsWith("/") ? entry : fileURLToPath(new URL(`../../${entry}.js`, import.meta.url));
}

function findAnnouncement(log: string): Record<string, unknown> | undefined {
  // The text after the last newline may be incomplete.
  const lines = log.split("\n").slice(0, -1);
  for (const line of lines) {
    const parsed = line.startsWith("{") ? (parseJson(line) as Record<string, unknown> | undefined) : undefined;
    if (parsed?.ready === true) return parsed;
  }
  return undefined;
}
