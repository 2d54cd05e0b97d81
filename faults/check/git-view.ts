import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import type { StoreView } from "./store-view.js";

const run = promisify(execFile);

export interface Repository {
  /** The visible refs by name. */
  readonly refs: ReadonlyMap<string, string>;
  /** Acts with a record in the refs. */
  readonly acts: readonly string[];
  readonly violations: readonly string[];
}

/** Reads a stored repository with stock git on a copy. */
export async function readRepository(store: StoreView, tenant: string, project: string): Promise<Repository> {
  const folder = await mkdtemp(join(tmpdir(), "ogr-check-"));
  try {
    await store.mirrorRepository(tenant, project, folder);
    const all = parsePackedRefs(await readFile(join(folder, "packed-refs"), "utf8"));
    const violations: string[] = [];
    const runGit = (...args: string[]) => run("git", ["-C", folder, "-c", "safe.directory=*", ...args], { maxBuffer: 256 * 1024 * 1024 });
    await runGit("fsck", "--strict", "--full").catch((error: Error) => violations.push(`${project} fails git fsck: ${error.message}`));
    await runGit("rev-list", "--objects", "--all", "--quiet").catch((error: Error) =>
      violations.push(`${project} has an incomplete ref: ${error.message}`),
    );
    const visible = [...all].filter(([name]) => !name.startsWith("refs/ubl/"));
    const acts = [...all.keys()].flatMap((name) => (name.startsWith("refs/ubl/acts/") ? [name.slice("refs/ubl/acts/".length)] : []));
    return { refs: new Map(visible), acts, violations };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function parsePackedRefs(packedRefs: string): Map<string, string> {
  const lines = packedRefs.split("\n").filter((line) => /^[0-9a-f]{40} /.test(line));
  return new Map(lines.map((line) => [line.slice(41), line.slice(0, 40)]));
}
