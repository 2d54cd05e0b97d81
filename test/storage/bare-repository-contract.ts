import { execFileSync } from "node:child_process";
import { mkdir, readdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { expect, it } from "vitest";
import type { Place } from "./place.js";

/** Objects are stored under their plain keys, so a copy of a prefix is a repository for stock git. */
export function describeBareRepositoryContract(place: Place): void {
  it("holds a bare repository that stock git can clone from a local copy of its prefix", async () => {
    const prefix = `${place.createPrefix("repos")}P.demo.git/`;
    const origin = join(place.folder, "origin.git");
    runGit("init", "-q", "--bare", "-b", "main", origin);
    const tree = runGit("-C", origin, "hash-object", "-w", "-t", "tree", "/dev/null");
    const commit = runGit("-C", origin, "commit-tree", "-m", "one", tree);
    runGit("-C", origin, "update-ref", "refs/heads/main", commit);
    runGit("-C", origin, "repack", "-adq");
    runGit("-C", origin, "pack-refs", "--all");
    const packs = (await readdir(join(origin, "objects/pack"))).map((name) => `objects/pack/${name}`);
    for (const name of ["HEAD", "config", ...packs]) {
      await place.store.blobs.createFromFile(`${prefix}${name}`, join(origin, name));
    }
    await place.store.blobs.create(`${prefix}refs/.keep`, new Uint8Array(0));
    await place.store.pointers.swap(`${prefix}packed-refs`, null, await readFile(join(origin, "packed-refs")));

    const copy = join(place.folder, "copy.git");
    for await (const key of place.store.blobs.list(prefix)) {
      const path = join(copy, key.slice(prefix.length));
      await mkdir(dirname(path), { recursive: true });
      expect(await place.store.blobs.getToFile(key, path)).toBe(true);
    }
    const clone = join(place.folder, "clone");
    runGit("-C", copy, "fsck", "--strict");
    runGit("clone", "-q", copy, clone);
    expect(runGit("-C", clone, "rev-parse", "HEAD")).toBe(commit);
  });
}

function runGit(...args: string[]): string {
  const env = {
    ...process.env,
    GIT_CONFIG_GLOBAL: "/dev/null",
    GIT_CONFIG_NOSYSTEM: "1",
    GIT_AUTHOR_NAME: "A",
    GIT_AUTHOR_EMAIL: "a@example.org",
    GIT_COMMITTER_NAME: "A",
    GIT_COMMITTER_EMAIL: "a@example.org",
  };
  return execFileSync("git", args, { encoding: "utf8", stdio: "pipe", env }).trim();
}
