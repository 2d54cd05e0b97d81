import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { measurePathsInProcess } from "../../src/repository/incoming/incoming-commits.js";
import { ingestBundle } from "../../src/repository/incoming/ingest-bundle.js";
import { measurePathsByGit } from "../../src/repository/stock-git/paths-by-git.js";
import { openStage, type Stage, TENANT, value } from "../lab512/jobs/stage.js";
import { Clone } from "./real-git.js";

const PROJECT = "P.paths";
const LIMITS = { packMaxBytes: 2 ** 26, objectsMaxCount: 100_000, blobMaxBytes: 2 ** 24, pathMaxBytes: 1024 };
const signal = new AbortController().signal;

describe("the paths that the commits of a push add", () => {
  let stage: Stage;
  let clone: Clone;
  let base: string;
  beforeAll(async () => {
    stage = await openStage("directory");
    await stage.init(PROJECT);
    clone = new Clone();
    clone.git("config", "core.quotePath", "false");
    base = clone.commit("a/b/kept.txt", "kept\n");
    clone.commit("a/file", "a file\n");
    base = clone.commit("run.sh", "#!/bin/sh\n");
    value(await stage.push(clone.bundle("HEAD", []), { project_id: PROJECT, branch: "feature/base" }));
  });
  afterAll(() => stage.close());

  /** Commits the index on `parents` after updates by lines of `mode object\tpath`, whose paths may have any bytes. */
  function commitIndex(parents: readonly string[], ...lines: readonly (string | Buffer)[]): string {
    clone.git("read-tree", parents[0] ?? base);
    for (const line of lines) clone.run(["update-index", "-z", "--index-info"], Buffer.concat([Buffer.from(line), Buffer.of(0)]));
    const tree = clone.git("write-tree");
    const commit = clone.git("commit-tree", tree, "-m", "index", ...parents.flatMap((parent) => ["-p", parent]));
    clone.git("update-ref", "refs/heads/index", commit);
    return commit;
  }
  const writeBlob = (text: string) => clone.run(["hash-object", "-w", "--stdin"], Buffer.from(text)).toString("utf8").trim();

  /** Measures the tip's pack in the process and by git, by commit. */
  async function measureBoth(ref: string) {
    const repository = await stage.repositories.open(stage.store, { tenant_id: TENANT, project_id: PROJECT }, signal);
    if (repository === undefined) throw new Error("the repository does not exist");
    try {
      const { tip, pack } = value(await ingestBundle(repository, { bytes: clone.bundle(ref, [base]) }, LIMITS));
      if (pack === undefined) throw new Error("the bundle has no pack");
      const inProcess = await measurePathsInProcess(repository, pack, tip, new Set([base]));
      const byGit = value(await measurePathsByGit(repository, tip));
      return { inProcess: sortByCommit(inProcess?.paths ?? []), byGit: sortByCommit(byGit) };
    } finally {
      await repository.close();
    }
  }
  const sortByCommit = <T>(found: Iterable<readonly [string, T]>) => [...found].sort(([a], [b]) => a.localeCompare(b));

  it.each<[what: string, build: () => string]>([
    [
      "a new file in a new folder and in an existing one",
      () => commitIndex([base], `100644 ${writeBlob("x")}\tn/e/w.txt`, `100644 ${writeBlob("x")}\ta/b/y.txt`),
    ],
    [
      "bytes that are not UTF-8",
      () => commitIndex([base], Buffer.concat([Buffer.from(`100644 ${writeBlob("x")}\tn/`), Buffer.of(0xff, 0xfe, 0x80)])),
    ],
    [
      "control characters, line ends, and the marker of an earlier format",
      () => commitIndex([base], `100644 ${writeBlob("x")}\tn\n\x01${"a".repeat(40)}`),
    ],
    ["characters of several bytes", () => commitIndex([base], `100644 ${writeBlob("x")}\tü/😀/文字`)],
    [
      "a very long name below a short one",
      () => commitIndex([base], `100644 ${writeBlob("x")}\tn/${"x".repeat(900)}`, `100644 ${writeBlob("x")}\tz`),
    ],
    [
      "a symbolic link, a submodule and an executable",
      () => commitIndex([base], `120000 ${writeBlob("../../etc")}\tlink`, `160000 ${base}\tmodule`, `100755 ${writeBlob("x")}\texec`),
    ],
    ["a file that becomes a folder", () => commitIndex([base], `0 ${"0".repeat(40)}\ta/file`, `100644 ${writeBlob("x")}\ta/file/below`)],
    ["a folder that becomes a file", () => commitIndex([base], `0 ${"0".repeat(40)}\ta/b/kept.txt`, `100644 ${writeBlob("x")}\ta/b`)],
    [
      "a file that becomes a link, and one whose mode changes",
      () => commitIndex([base], `120000 ${writeBlob("x")}\ta/file`, `100755 ${writeBlob("#!/bin/sh\n")}\trun.sh`),
    ],
    ["only changes and deletions", () => commitIndex([base], `100644 ${writeBlob("other")}\ta/file`, `0 ${"0".repeat(40)}\trun.sh`)],
    [
      "several commits and a merge, each against its first parent",
      () => {
        const left = commitIndex([base], `100644 ${writeBlob("l")}\tleft/one`);
        const right = commitIndex([base], `100644 ${writeBlob("r")}\tright/one`);
        return commitIndex([left, right], `100644 ${writeBlob("r")}\tright/one`, `100644 ${writeBlob("m")}\tmerge`);
      },
    ],
  ])("are measured equally in the process and by git for %s", async (_, build) => {
    build();
    const { inProcess, byGit } = await measureBoth("index");
    expect(inProcess.length).toBeGreaterThan(0);
    // git lists no commit that adds nothing.
    expect(inProcess.filter(([, { count }]) => count > 0)).toEqual(byGit);
  });
});
