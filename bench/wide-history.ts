import { spawnSync } from "node:child_process";

const FOLDERS = 200;
const STARTED_S = 1_500_000_000;

/** Makes a repository in `folder` whose `main` has `commits` commits on a tree of `files` small files, each commit changing one of them. */
export function buildWideHistory(folder: string, commits: number, files: number): void {
  runBenchGit(["init", "--quiet", "--initial-branch=main", folder]);
  const whole = Array.from({ length: files }, (_, n) => formatChange(n, "as it began"));
  const parts = [formatCommit("main", 0, whole)];
  for (let n = 1; n < commits; n += 1) parts.push(formatCommit("main", n, [formatChange((n * 7919) % files, `as of ${n}`)]));
  runBenchGit(["-C", folder, "fast-import", "--quiet"], parts.join(""));
  runBenchGit(["-C", folder, "repack", "-adq"]);
}

/** Creates a branch at `base`, the history's tip, that changes `count` files, which no other `round` changes. */
export function createBranch(folder: string, branch: string, base: string, round: number, count: number, commits: number): void {
  const changes = Array.from({ length: count }, (_, n) => formatChange(round * count + n, `round ${round}`));
  const [head = "", ...rest] = formatCommit(branch, commits + round, changes).split("\nM ");
  runBenchGit(["-C", folder, "fast-import", "--quiet"], `${head}\nfrom ${base}\nM ${rest.join("\nM ")}`);
}

function formatChange(n: number, text: string): string {
  const body = `file ${n}\n${text}\n`;
  return `M 100644 inline d${n % FOLDERS}/f${n}\ndata ${body.length}\n${body}`;
}

function formatCommit(branch: string, n: number, changes: readonly string[]): string {
  const message = `commit ${n}\n`;
  const when = STARTED_S + n * 60;
  const head = `commit refs/heads/${branch}\ncommitter Bench <bench@ogr.example> ${when} +0000\ndata ${message.length}\n${message}`;
  return `${head}${changes.join("\n")}\n`;
}

export function runBenchGit(args: readonly string[], input?: string): string {
  const { status, stdout, stderr } = spawnSync("git", args, {
    ...(input === undefined ? {} : { input }),
    encoding: "utf8",
    maxBuffer: 1 << 28,
  });
  if (status !== 0) throw new Error(`git ${args.join(" ")} failed: ${stderr}`);
  return stdout.trim();
}
