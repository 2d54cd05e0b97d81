import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { promisify } from "node:util";

const runFile = promisify(execFile);

/**
 * A string that two processes never share, even when the kernel hands out the same pid again: the boot and the
 * start time of the process. `undefined` when no such process runs (a zombie counts as ended).
 */
export async function readProcessIdentity(pid: number): Promise<string | undefined> {
  return process.platform === "linux" ? readIdentityFromProc(pid) : readIdentityFromPs(pid);
}

async function readIdentityFromProc(pid: number): Promise<string | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(ignoreMissingProcess);
  if (stat === undefined) return undefined;
  // The second field is the command in parentheses and may itself hold spaces and parentheses.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const [state, startTicks] = [fields[0], fields[19]];
  if (state === "Z" || state === "X" || startTicks === undefined) return undefined;
  const boot = await readFile("/proc/sys/kernel/random/boot_id", "utf8");
  return `${boot.trim()}:${startTicks}`;
}

async function readIdentityFromPs(pid: number): Promise<string | undefined> {
  const answer = await runFile("ps", ["-o", "stat=,lstart=", "-p", String(pid)]).catch(ignoreMissingProcess);
  const [state, ...start] = answer?.stdout.trim().split(/\s+/) ?? [];
  return !state || state.startsWith("Z") ? undefined : start.join(" ");
}

/** A process that is gone, and `ps` finding nobody, are the answer "no such process" and not a fault. */
function ignoreMissingProcess(error: unknown): undefined {
  const code = (error as { code?: unknown }).code;
  if (code === "ENOENT" || code === "ESRCH" || code === 1) return undefined;
  throw error;
}
