import { spawnSync } from "node:child_process";

const FOLDERS = 200;
const STARTED_S = 1_500_000_000;

/** Makes a repository in `folder` whose `main` has `commits` commits on a tree of `files` small files, each commit changing one of them. */
export function wideHistory(folder: string, commits: number, files: number): void {
  run(["init", "--quiet", "--initial-branch=main", folder]);
  const whole = Array.from({ length: files }, (_, n) => change(n, "as it began"));
  const parts = [commit("main", 0, whole)];
  for (let n = 1; n < commits; n += 1) parts.push(commit("main", n, [change((n * 7919) % files, `as of ${n}`)]));
  run(["-C", folder, "fast-import", "--quiet"], parts.join(""));
  run(["-C", folder, "repack", "-adq"]);
}

/** Puts a branch on the history's tip that changes `count` files, which no other `round` changes; the tip is what `base` names. */
export function branchOff(folder: string, branch: string, base: string, round: number, count: number, commits: number): void {
  const changes = Array.from({ length: count }, (_, n) => change(round * count + n, `round ${round}`));
  const [head = "", ...rest] = commit(branch, commits + round, changes).split("\nM ");
  run(["-C", folder, "fast-import", "--quiet"], `${head}\nfrom ${base}\nM ${rest.join("\nM ")}`);
}

function change(n: number, text: string): string {
  const body = `file ${n}\n${text}\n`;
  return `M 100644 inline d${n % FOLDERS}/f${n}\ndata ${body.length}\n${body}`;
}

function commit(branch: string, n: number, changes: readonly string[]): string {
  const message = `commit ${n}\n`;
  const when = STARTED_S + n * 60;
  const head = `commit refs/heads/${branch}\ncommitter Bench <bench@ogr.example> ${when} +0000\ndata ${message.length}\n${message}`;
  return `${head}${changes.join("\n")}\n`;
}

export function run(args: readonly string[], input?: string): string {
  const { status, stdout, stderr } = spawnSync("git", args, {
    ...(input === undefined ? {} : { input }),
    encoding: "utf8",
    maxBuffer: 1 << 28,
  });
  if (status !== 0) throw new Error(`git ${args.join(" ")} failed: ${stderr}`);
  return stdout.trim();
}
