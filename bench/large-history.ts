import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";

const COMMITS = 5000;
const FILES_PER_COMMIT = 4;
const FILE_BYTES = 2600;

/** Builds incompressible bytes, the same in every run. */
function buildNoise(seed: string, size: number): Buffer {
  const blocks: Buffer[] = [];
  for (let n = 0; n * 32 < size; n += 1) blocks.push(createHash("sha256").update(`${seed}/${n}`).digest());
  return Buffer.concat(blocks).subarray(0, size);
}

/** Makes a repository of about 30,000 objects and 40 MB packed on `main` in `folder`, by git fast-import. */
export function buildLargeHistory(folder: string): { commits: number; objects: number } {
  runGit(folder, ["init", "--quiet", folder]);
  const parts: Buffer[] = [];
  for (let n = 0; n < COMMITS; n += 1) {
    const message = `commit ${n}\n`;
    parts.push(
      Buffer.from(
        `commit refs/heads/main\ncommitter Bench <bench@ogr.example> ${1_600_000_000 + n * 60} +0000\ndata ${message.length}\n${message}`,
      ),
    );
    for (let file = 0; file < FILES_PER_COMMIT; file += 1) {
      const body = buildNoise(`${n}/${file}`, n % 2 === 0 ? FILE_BYTES : 1400);
      parts.push(Buffer.from(`M 100644 inline f${(n * FILES_PER_COMMIT + file) % 200}\ndata ${body.length}\n`), body, Buffer.from("\n"));
    }
  }
  runGit(folder, ["-C", folder, "fast-import", "--quiet"], Buffer.concat(parts));
  runGit(folder, ["-C", folder, "repack", "-adq"]);
  const count = spawnSync("git", ["-C", folder, "rev-list", "--objects", "--all", "--count"], { encoding: "utf8" });
  return { commits: COMMITS, objects: Number(count.stdout.trim()) };
}

/** Adds an empty commit to `main`. */
export function addCommit(folder: string, round: number): void {
  const when = 1_600_000_000 + (COMMITS + round) * 60;
  const message = `round ${round}\n`;
  const commit = `commit refs/heads/main\ncommitter Bench <bench@ogr.example> ${when} +0000\ndata ${message.length}\n${message}`;
  runGit(folder, ["-C", folder, "fast-import", "--quiet"], Buffer.from(`${commit}from refs/heads/main^0\n`));
}

function runGit(folder: string, args: string[], input?: Buffer): void {
  const { status, stderr } = spawnSync("git", args, { ...(input === undefined ? {} : { input }), maxBuffer: 1 << 28 });
  if (status !== 0) throw new Error(`git ${args.join(" ")} in ${folder} failed: ${stderr}`);
}
