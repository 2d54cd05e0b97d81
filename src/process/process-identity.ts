import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { promisify } from "node:util";

const runFile = promisify(execFile);

/** `hidden`: the process runs, but the system does not say when it started. */
export type ProcessState = { readonly kind: "running"; readonly identity: string } | { readonly kind: "ended" | "hidden" };

/**
 * Returns whether a process of this machine runs, and its identity: the boot and its start time, which no later process shares even if
 * the kernel reuses the pid. A zombie has ended.
 */
export async function readProcessState(pid: number): Promise<ProcessState> {
  if (!hasProcess(pid)) return { kind: "ended" };
  const found = await (process.platform === "linux" ? readFromProc(pid) : readFromPs(pid));
  if (found !== undefined) return found.hasEnded ? { kind: "ended" } : { kind: "running", identity: found.identity };
  return { kind: hasProcess(pid) ? "hidden" : "ended" };
}

/** The identity of a running process; `undefined` if it has ended or the system hides it. */
export async function readProcessIdentity(pid: number): Promise<string | undefined> {
  const state = await readProcessState(pid);
  return state.kind === "running" ? state.identity : undefined;
}

/** Whether some process has this pid now. One that belongs to another user counts. */
export function hasProcess(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== "ESRCH";
  }
}

interface FoundProcess {
  readonly identity: string;
  readonly hasEnded: boolean;
}

async function readFromProc(pid: number): Promise<FoundProcess | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(ignoreHiddenProcess);
  if (stat === undefined) return undefined;
  // proc(5): the command in parentheses can hold spaces and parentheses; the state and, as the 20th field, the start follow it.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const boot = await readFile("/proc/sys/kernel/random/boot_id", "utf8");
  return { identity: `${boot.trim()}:${fields[19]}`, hasEnded: fields[0] === "Z" || fields[0] === "X" };
}

async function readFromPs(pid: number): Promise<FoundProcess | undefined> {
  const answer = await runFile("ps", ["-o", "stat=,lstart=", "-p", String(pid)]).catch(ignoreHiddenProcess);
  const [state, ...start] = answer?.stdout.trim().split(/\s+/) ?? [];
  return state ? { identity: start.join(" "), hasEnded: state.startsWith("Z") } : undefined;
}

/** `ps` exits with 1 if it finds no process. */
function ignoreHiddenProcess(error: unknown): undefined {
  const code = (error as { code?: unknown }).code;
  if (typeof code === "number" ? code === 1 : ["ENOENT", "ESRCH", "EACCES", "EPERM"].includes(String(code))) return undefined;
  throw error;
}
