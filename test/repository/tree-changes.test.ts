import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { PLAN_PATHS_MAX } from "../../src/domain/act/plan.js";
import { ZERO_ID } from "../../src/domain/git/git-id.js";
import { compareTrees } from "../../src/repository/history/history.js";
import { openStage, type Stage, TENANT, value } from "../lab512/jobs/stage.js";
import { Clone } from "./real-git.js";

const PROJECT = "P.paths";

describe("the changes between two trees", () => {
  let stage: Stage;
  let clone: Clone;
  let base: string;
  beforeAll(async () => {
    stage = await openStage("directory");
    await stage.init(PROJECT);
    clone = new Clone();
    base = clone.commit("kept.txt", "one\ntwo\n");
    value(await stage.push(clone.bundle("HEAD"), { project_id: PROJECT, branch: "feature/base" }));
  });
  afterAll(() => stage.close());

  /** Pushes the base with further files of these names, which may have any bytes, to a branch of its own. */
  async function pushFiles(branch: string, names: readonly (string | Buffer)[]): Promise<string> {
    const blob = clone.run(["hash-object", "-w", "--stdin"], Buffer.from("a\nb\n")).toString("utf8").trim();
    const lines = names.map((name) => Buffer.concat([Buffer.from(`100644 ${blob}\t`), Buffer.from(name), Buffer.of(0)]));
    clone.git("read-tree", base);
    clone.run(["update-index", "-z", "--index-info"], Buffer.concat(lines));
    const commit = clone.git("commit-tree", clone.git("write-tree"), "-m", "files", "-p", base);
    clone.git("update-ref", "refs/heads/files", commit);
    value(await stage.push(clone.bundle("files"), { project_id: PROJECT, branch }));
    return commit;
  }

  async function compare(old: string, next: string) {
    const repository = await stage.repositories.open(stage.store, { tenant_id: TENANT, project_id: PROJECT }, new AbortController().signal);
    if (repository === undefined) throw new Error("the repository does not exist");
    try {
      return value(await compareTrees(repository, old, next, 20_000));
    } finally {
      await repository.close();
    }
  }

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
