import { readFile } from "node:fs/promises";
import { toErrorCode } from "./faults.js";

/**
 * A process of this machine: its id, and where the system tells (Linux) the boot and the tick in which it started, so
 * that a process id that was given out again is not taken for its former holder. All processes that share a store see
 * the same process ids; containers with their own do not, and need an S3.
 */
export interface ProcessIdentity {
  readonly pid: number;
  /** Empty where the system does not tell. */
  readonly started: string;
}

let own: Promise<ProcessIdentity> | undefined;

export function readOwnIdentity(): Promise<ProcessIdentity> {
  own ??= readProcessState(process.pid).then((found) => ({ pid: process.pid, started: found?.started ?? "" }));
  return own;
}

/** Whether that very process still runs. Where this cannot be told, it does: a live holder must never be robbed. */
export async function isRunning(identity: ProcessIdentity): Promise<boolean> {
  if (!hasProcess(identity.pid)) {
    return false;
  }
  const found = await readProcessState(identity.pid);
  if (found === undefined || identity.started === "") {
    return true;
  }
  return found.started === identity.started && !found.ended;
}

export function hasProcess(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (cause) {
    return toErrorCode(cause) !== "ESRCH";
  }
}

/** proc(5): the name in parentheses may hold anything; after it come the state and, as the 20th field, the start. */
async function readProcessState(pid: number): Promise<{ started: string; ended: boolean } | undefined> {
  try {
    const [boot, status] = await Promise.all([readFile("/proc/sys/kernel/random/boot_id", "utf8"), readFile(`/proc/${pid}/stat`, "utf8")]);
    const fields = status.slice(status.lastIndexOf(")") + 2).split(" ");
    return { started: `${boot.trim()}.${fields[19] ?? ""}`, ended: fields[0] === "Z" || fields[0] === "X" };
  } catch (cause) {
    if (["ENOENT", "ESRCH", "EACCES", "EPERM"].includes(toErrorCode(cause))) {
      return undefined;
    }
    throw cause;
  }
}
