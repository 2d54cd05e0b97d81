import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { runGit, runGitForLines } from "../../src/client/git/git-command.js";
import { takeHistory, toRegistryBranch } from "../../src/demo/history.js";
import { checkBranchName, findDirectoryConflict } from "../../src/domain/git/ref-name.js";

let folder: string;
let source: string;

const take = () => takeHistory({ path: source, takesPlainFiles: false }, join(folder, "history.git"));

async function commit(name: string): Promise<string> {
  await writeFile(join(source, name), `${name}\n`);
  await runGit(source, ["add", "--all"]);
  await runGit(source, ["-c", "user.name=Mira", "-c", "user.email=mira@example.org", "commit", "--quiet", "-m", name]);
  return (await runGit(source, ["rev-parse", "HEAD"])).trim();
}

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "ogr-history-"));
  source = join(folder, "source");
  await runGit(folder, ["init", "--quiet", "--initial-branch=main", source]);
});

afterEach(() => rm(folder, { recursive: true, force: true }));

describe("the history that the demo pushes", () => {
  it("has every branch of the repository below feature/, the checked-out one first", async () => {
    const tip = await commit("one");
    await runGit(source, ["branch", "aside"]);
    await runGit(source, ["checkout", "--quiet", "-b", "topic/deep"]);
    const deep = await commit("two");
    const { branches, commits, remarks } = await take();
    expect(branches.map(({ branch, tip: at }) => [branch, at])).toEqual([
      ["feature/topic/deep", deep],
      ["feature/aside", tip],
      ["feature/main", tip],
    ]);
    expect(commits).toBe(2);
    expect(remarks).toEqual([]);
  });

  it("begins where a shallow clone begins, with a remark", async () => {
    for (const name of ["one", "two", "three"]) await commit(name);
    const shallow = join(folder, "shallow");
    await runGit(folder, ["clone", "--quiet", "--depth", "2", `file://${source}`, shallow]);
    source = shallow;
    const history = await take();
    expect(history.remarks).toEqual([expect.stringContaining("shallow")]);
    expect(await runGitForLines(history.folder, ["log", "--format=%s", "refs/heads/main"])).toEqual(["three", "two"]);
    await runGit(history.folder, ["fsck", "--strict"]);
  });

  it("is one commit of the files that are not ignored, for a repository without commits", async () => {
    await mkdir(join(source, "ignored"));
    await writeFile(join(source, "ignored", "file"), "x");
    await writeFile(join(source, ".gitignore"), "ignored/\n");
    const history = await take();
    expect(history.remarks).toEqual([expect.stringContaining("no commits")]);
    expect(await runGitForLines(history.folder, ["ls-tree", "-r", "--name-only", "refs/heads/main"])).toEqual([".gitignore"]);
    expect(await runGitForLines(source, ["status", "--porcelain"])).toEqual(["?? .gitignore"]);
  });

  it("has no branch name that the registry refuses or that conflicts with another", () => {
    fc.assert(
      fc.property(fc.array(fc.string({ minLength: 1, maxLength: 250, unit: "grapheme" }), { maxLength: 8 }), (names) => {
        const taken: string[] = [];
        for (const name of names) taken.push(toRegistryBranch(name, taken));
        for (const branch of taken) {
          expect(checkBranchName(branch)).toBeUndefined();
          expect(branch.startsWith("feature/")).toBe(true);
          expect(findDirectoryConflict(branch, taken)).toBeUndefined();
        }
        expect(new Set(taken).size).toBe(taken.length);
      }),
    );
  });
});
