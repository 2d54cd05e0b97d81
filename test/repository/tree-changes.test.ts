import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { PLAN_PATHS_MAX } from "../../src/domain/act/plan.js";
import { ZERO_ID } from "../../src/domain/git/git-id.js";
import { compareTrees } from "../../src/repository/history/history.js";
import { value } from "../lab512/jobs/stage.js";
import { CraftedProject } from "./crafted-project.js";

describe("the changes between two trees", () => {
  let project: CraftedProject;
  let base: string;
  beforeAll(async () => {
    project = await CraftedProject.open();
    base = project.clone.commit("kept.txt", "one\ntwo\n");
    await project.push("HEAD", "feature/base");
  });
  afterAll(() => project.close());

  /** Pushes the base with further files of these names, which may have any bytes, to a branch of its own. */
  async function pushFiles(branch: string, names: readonly (string | Buffer)[]): Promise<string> {
    const blob = project.writeBlob("a\nb\n");
    const lines = names.map((name) => Buffer.concat([Buffer.from(`100644 ${blob}\t`), Buffer.from(name)]));
    const commit = project.commitIndex([base], ...lines);
    await project.push("index", branch);
    return commit;
  }

  const compare = (old: string, next: string) =>
    project.inspect(async (repository) => value(await compareTrees(repository, old, next, 20_000)));

  it("are counted, and their paths are listed in order", async () => {
    const tip = await pushFiles("feature/few", ["z/ü.txt", "a/with\ttab.txt", "B.txt"]);
    expect(await compare(base, tip)).toEqual({
      diffstat: { files: 3, insertions: 6, deletions: 0 },
      changed_paths: ["B.txt", "a/with\ttab.txt", "z/ü.txt"],
    });
    expect((await compare(tip, base)).diffstat).toEqual({ files: 3, insertions: 0, deletions: 6 });
    expect((await compare(ZERO_ID, base)).changed_paths).toEqual(["kept.txt"]);
  });

  it("have no list of paths beyond its limits or with a name that is not UTF-8, so that a policy takes them for all paths", async () => {
    const names = Array.from({ length: PLAN_PATHS_MAX + 1 }, (_, n) => `many/${n}.txt`);
    const tip = await pushFiles("feature/many", names);
    expect(await compare(base, tip)).toEqual({ diffstat: { files: 501, insertions: 1002, deletions: 0 }, changed_paths: null });
    const most = await pushFiles("feature/most", names.slice(1));
    expect((await compare(base, most)).changed_paths).toHaveLength(PLAN_PATHS_MAX);
    const long = await pushFiles(
      "feature/long",
      Array.from({ length: 40 }, (_, n) => `${n}/${"x".repeat(200)}/${"y".repeat(200)}/${"z".repeat(200)}/${"w".repeat(240)}`),
    );
    expect((await compare(base, long)).changed_paths).toBeNull();
    const odd = await pushFiles("feature/odd", [Buffer.of(0x66, 0xff)]);
    expect(await compare(base, odd)).toMatchObject({ diffstat: { files: 1 }, changed_paths: null });
  });
});
