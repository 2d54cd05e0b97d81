import { readdirSync, readFileSync } from "node:fs";

/** The usage of the processes with one name: CPU in milliseconds including ended children, resident memory in MiB, and open files. */
export interface Usage {
  readonly cpu_ms: number;
  readonly rss_mib: number;
  readonly rss_peak_mib: number;
  readonly open_files: number;
}

/** Linux counts CPU in ticks of 10 ms (USER_HZ is 100 on every supported architecture). */
const TICK_MS = 10;

/** Reads the usage by name from /proc, on Linux only. A process includes its descendants. */
export function readUsage(roots: Readonly<Record<string, number>>): Record<string, Usage> {
  const children = readChildrenByParent();
  return Object.fromEntries(Object.entries(roots).map(([name, pid]) => [name, sumUsage(listWithDescendants(pid, children))]));
}

function listWithDescendants(pid: number, children: ReadonlyMap<number, readonly number[]>): number[] {
  return [pid, ...(children.get(pid) ?? []).flatMap((child) => listWithDescendants(child, children))];
}

function sumUsage(pids: readonly number[]): Usage {
  const all = pids.flatMap((pid) => readProcessUsage(pid) ?? []);
  return {
    cpu_ms: all.reduce((total, usage) => total + usage.cpu_ms, 0),
    rss_mib: Math.round(all.reduce((total, usage) => total + usage.rss_mib, 0)),
    rss_peak_mib: Math.round(Math.max(0, ...all.map((usage) => usage.rss_peak_mib))),
    open_files: all.reduce((total, usage) => total + usage.open_files, 0),
  };
}

function readProcessUsage(pid: number): Usage | undefined {
  const stat = readIfThere(`/proc/${pid}/stat`);
  const status = readIfThere(`/proc/${pid}/status`);
  if (stat === undefined || status === undefined) return undefined;
  // The name may contain spaces, and the fields follow its closing parenthesis.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const ticks = fields.slice(11, 15).reduce((total, field) => total + Number(field), 0);
  const readKib = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(status)?.[1] ?? 0);
  return {
    cpu_ms: ticks * TICK_MS,
    rss_mib: readKib("VmRSS") / 1024,
    rss_peak_mib: readKib("VmHWM") / 1024,
    open_files: ignoreGone(() => readdirSync(`/proc/${pid}/fd`).length) ?? 0,
  };
}

function readChildrenByParent(): Map<number, number[]> {
  const children = new Map<number, number[]>();
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const stat = readIfThere(`/proc/${name}/stat`);
    if (stat === undefined) continue;
    const parent = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
    children.set(parent, [...(children.get(parent) ?? []), Number(name)]);
  }
  return children;
}

/** Reads a file of a process that may have ended since it was listed. */
function readIfThere(path: string): string | undefined {
  return ignoreGone(() => readFileSync(path, "utf8"));
}

function ignoreGone<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch (error) {
    if (["ENOENT", "ESRCH"].includes((error as NodeJS.ErrnoException).code ?? "")) return undefined;
    throw error;
  }
}
