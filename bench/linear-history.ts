import { spawnSync } from "node:child_process";

const FILES = 20;

/** Makes a repository in `folder` whose `main` has `commits` commits, each changing one of twenty small files. Returns its tip. */
export function buildLinearHistory(folder: string, commits: number): string {
  runGit(folder, ["init", "--quiet", folder]);
  const parts: string[] = [];
  for (let n = 0; n < commits; n += 1) {
    const message = `commit ${n}\n`;
    const body = `file ${n % FILES} as of ${n}\n`;
    parts.push(
      `commit refs/heads/main\ncommitter Bench <bench@ogr.example> ${1_500_000_000 + n * 60} +0000\ndata ${message.length}\n${message}` +
        `M 100644 inline f${n % FILES}\ndata ${body.length}\n${body}\n`,
    );
  }
  runGit(folder, ["-C", folder, "fast-import", "--quiet"], Buffer.from(parts.join("")));
  runGit(folder, ["-C", folder, "repack", "-adq"]);
  return runGit(folder, ["-C", folder, "rev-parse", "main"]).trim();
}

function runGit(folder: string, args: string[], input?: Buffer): string {
  const { status, stdout, stderr } = spawnSync("git", args, { ...(input === undefined ? {} : { input }), encoding: "utf8" });
  if (status !== 0) throw new Error(`git ${args.join(" ")} in ${folder} failed: ${stderr}`);
  return stdout;
}
