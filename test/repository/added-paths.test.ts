import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { measurePathsInProcess } from "../../src/repository/incoming/incoming-commits.js";
import { ingestBundle } from "../../src/repository/incoming/ingest-bundle.js";
import { measurePathsByGit } from "../../src/repository/stock-git/paths-by-git.js";
import { value } from "../lab512/jobs/stage.js";
import { CraftedProject } from "./crafted-project.js";

const LIMITS = { packMaxBytes: 2 ** 26, objectsMaxCount: 100_000, blobMaxBytes: 2 ** 24, pathMaxBytes: 1024 };

describe("the paths that the commits of a push add", () => {
  let project: CraftedProject;
  let base: string;
  beforeAll(async () => {
    project = await CraftedProject.open();
    project.clone.git("config", "core.quotePath", "false");
    project.clone.commit("a/b/kept.txt", "kept\n");
    project.clone.commit("a/file", "a file\n");
    base = project.clone.commit("run.sh", "#!/bin/sh\n");
    await project.push("HEAD", "feature/base");
  });
  afterAll(() => project.close());

  const commitIndex: CraftedProject["commitIndex"] = (...args) => project.commitIndex(...args);
  const writeBlob = (text: string) => project.writeBlob(text);

  /** Measures the tip's pack in the process and by git, by commit. */
  const measureBoth = (ref: string) =>
    project.inspect(async (repository) => {
      const { tip, pack } = value(await ingestBundle(repository, { bytes: project.clone.bundle(ref, [base]) }, LIMITS));
      if (pack === undefined) throw new Error("the bundle has no pack");
      const inProcess = await measurePathsInProcess(repository, pack, tip, new Set([base]));
      const byGit = value(await measurePathsByGit(repository, tip));
      return { inProcess: sortByCommit(inProcess?.paths ?? []), byGit: sortByCommit(byGit) };
    });
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
