import { execFileSync } from "node:child_process";
import { chmodSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { ZERO_ID } from "../../../src/domain/git/git-id.js";
import { StockGit } from "../../../src/repository/stock-git/stock-git.js";
import { createTemporaryFolder } from "../../repository/real-git.js";
import { MergeProject } from "./merges.js";
import { code, IAT, MAIN_BACKEND, openStage, type Stage, value } from "./stage.js";

const LINES = Array.from({ length: 30 }, (_, n) => `line ${n}\n`).join("");

describe("a merge", () => {
  let stage: Stage;
  beforeAll(async () => {
    stage = await openStage(MAIN_BACKEND);
  });
  afterAll(() => stage.close());

  /** `main` and `feature/x`, each with a commit that the other lacks. */
  async function createDivergedProject(): Promise<MergeProject> {
    const project = await MergeProject.register(stage);
    project.checkOut("main").clone.commit("a.txt", LINES);
    project.checkOut("feature/x").clone.commit("a.txt", LINES.replace("line 3\n", "line three\n"));
    project.checkOut("main").clone.commit("a.txt", LINES.replace("line 20\n", "line twenty\n"));
    await project.push("main", "feature/x");
    return project;
  }

  it("makes a commit with both tips as parents, by the registry and with the permit's date", async () => {
    const project = await createDivergedProject();
    const params = project.buildParams("feature/x", "main");
    const { effects, git, tip } = await project.mergeAndCopy(params);
    expect(effects.refs).toEqual([{ name: "refs/heads/main", old: params.expected_target, new: tip }]);
    expect(git("log", "-1", "--format=%P%n%an <%ae>%n%at %ct", tip).trim()).toBe(
      `${params.expected_target} ${params.expected_source}\nOffice Git Registry <registry@ubl.invalid>\n${Math.floor(IAT / 1000)} ${Math.floor(IAT / 1000)}`,
    );
    expect(git("show", `${tip}:a.txt`)).toBe(LINES.replace("line 3\n", "line three\n").replace("line 20\n", "line twenty\n"));
    expect(git("rev-parse", "refs/heads/feature/x").trim()).toBe(params.expected_source);
  });

  it("makes the tree and the parents that the plan names", async () => {
    const project = await createDivergedProject();
    const params = project.buildParams("feature/x", "main");
    const plan = value(await project.plan(params));
    const { git, tip } = await project.mergeAndCopy(params);
    expect(plan.basis.refs).toEqual([{ name: "refs/heads/main", old: params.expected_target, new: null }]);
    expect(plan.basis.creates).toEqual([
      {
        kind: "merge",
        tree: git("rev-parse", `${tip}^{tree}`).trim(),
        parents: [params.expected_target, params.expected_source],
        author: "Office Git Registry <registry@ubl.invalid>",
        message: expect.stringContaining("Merge feature/x into main\n\nCard: <card>\n"),
      },
    ]);
    expect(plan).toMatchObject({ commit_count: 1, fast_forward: true, pushed_before: [params.expected_source] });
    expect(plan.diffstat).toEqual({ files: 1, insertions: 1, deletions: 1 });
    expect(plan.changed_paths).toEqual(git("diff", "--name-only", `${tip}^`, tip).trim().split("\n"));
  });

  it("runs only git merge-tree when it is planned again, and yields the same plan", async () => {
    const project = await createDivergedProject();
    const params = project.buildParams("feature/x", "main");
    const plan = value(await project.plan(params));
    const asked = vi.spyOn(StockGit.prototype, "run");
    try {
      expect(value(await project.plan(params))).toEqual(plan);
      expect(asked.mock.calls.map(([{ args }]) => args[0])).toEqual(["merge-tree"]);
    } finally {
      asked.mockRestore();
    }
  });

  it("moves the target without a commit with strategy fast-forward, and is denied if the target has diverged", async () => {
    const project = await createDivergedProject();
    const strategy = "fast-forward" as const;
    expect(code(await project.plan(project.buildParams("feature/x", "main", { strategy })))).toBe("not_fast_forward");
    project.checkOut("feature/y", "main").clone.commit("y.txt", "y\n");
    await project.push("feature/y");
    const params = project.buildParams("feature/y", "main", { strategy });
    expect(value(await project.plan(params)).basis).toMatchObject({ refs: [{ new: params.expected_source }], creates: [] });
    const { tip } = await project.mergeAndCopy(params);
    expect(tip).toBe(params.expected_source);
  });

  it("squashes all commits into one by the newest commit's author, with the other authors as co-authors", async () => {
    const project = await createDivergedProject();
    const { clone } = project.checkOut("feature/x");
    clone.commit("b.txt", "b\n", "the second change");
    // Mallory hopes that a program which ends a line where git does not reads an approval in a name or a subject.
    const forged = "Mallory\rApproved-by: ubl:sid:person:bob\u2028Approved-by: ubl:sid:person:bob";
    clone.git("commit", "-q", "--allow-empty", "-m", "it\u0085Approved-by: ubl:sid:person:bob", "--author", `${forged} <m@example.org>`);
    clone.git("commit", "-q", "--allow-empty", "-m", "the third change", "--author", "Grace <grace@example.org>");
    project.checkOut("release/1.0", "main");
    await project.push("feature/x", "release/1.0");
    const params = project.buildParams("feature/x", "main", { strategy: "squash" });
    expect(value(await project.plan(params)).author_emails).toEqual(["ada@example.org", "grace@example.org", "m@example.org"]);
    const { git, tip } = await project.mergeAndCopy(params);
    expect(git("log", "-1", "--format=%P %an <%ae>", tip).trim()).toBe(`${params.expected_target} Grace <grace@example.org>`);
    const message = git("log", "-1", "--format=%B", tip);
    const subject = "* it⏎Approved-by: ubl:sid:person:bob\n";
    const mallory = `Co-authored-by: ${forged.replaceAll(/[\r\u2028]/g, "⏎")} <m@example.org>\n`;
    expect(message).toContain(
      `* the third change\n${subject}* the second change\n* change a.txt\n\nCo-authored-by: Ada <ada@example.org>\n${mallory}`,
    );
    expect(git("show", `${tip}:b.txt`)).toBe("b\n");
    expect(git("cat-file", "commit", tip)).not.toMatch(/[\r\u0085\u2028]/);
    // The authors of squashed commits stay authors in a later merge of the squash.
    const next = project.buildParams("main", "release/1.0", { expected_source: tip });
    expect(value(await project.plan(next)).author_emails).toEqual(["ada@example.org", "grace@example.org", "m@example.org"]);
  });

  it("creates an absent target at the source's tip with every strategy", async () => {
    for (const strategy of ["fast-forward", "merge", "squash"] as const) {
      const project = await MergeProject.register(stage);
      const first = project.checkOut("feature/first").clone.commit("a.txt", "a\n");
      await project.push("feature/first");
      const params = project.buildParams("feature/first", "main", { strategy });
      expect(value(await project.plan(params))).toMatchObject({ commit_count: 1, fast_forward: null, pushed_before: [first] });
      expect((await project.mergeAndCopy(params)).tip).toBe(first);
    }
  });

  it("follows a renamed file and a renamed folder", async () => {
    const project = await MergeProject.register(stage);
    const { clone } = project.checkOut("main");
    clone.commit("old/one.txt", LINES);
    clone.commit("old/two.txt", LINES.replaceAll("line", "row"));
    project.checkOut("feature/x").clone.commit("old/one.txt", LINES.replace("line 3\n", "line three\n"));
    project.checkOut("main").clone.git("mv", "old", "new");
    clone.git("mv", "new/one.txt", "new/first.txt");
    clone.git("commit", "-q", "-m", "rename");
    await project.push("main", "feature/x");
    const { git, tip } = await project.mergeAndCopy(project.buildParams("feature/x", "main"));
    expect(git("ls-tree", "-r", "--name-only", tip).trim().split("\n")).toEqual(["new/first.txt", "new/two.txt"]);
    expect(git("show", `${tip}:new/first.txt`)).toBe(LINES.replace("line 3\n", "line three\n"));
  });

  it("merges histories with two merge bases as stock git does", async () => {
    const project = await MergeProject.register(stage);
    const { clone } = project.checkOut("main");
    clone.commit("a.txt", LINES);
    project.checkOut("feature/x").clone.commit("a.txt", LINES.replace("line 3\n", "x3\n"));
    project.checkOut("main").clone.commit("a.txt", LINES.replace("line 20\n", "m20\n"));
    const [x, m] = [clone.readHead("feature/x"), clone.readHead("main")];
    clone.git("merge", "-q", "--no-ff", "-m", "x into main", x);
    project.checkOut("feature/x").clone.git("merge", "-q", "--no-ff", "-m", "main into x", m);
    clone.commit("a.txt", LINES.replace("line 3\n", "x3 again\n").replace("line 20\n", "m20\n"));
    project.checkOut("main").clone.commit("a.txt", LINES.replace("line 3\n", "x3\n").replace("line 20\n", "m20 again\n"));
    expect(clone.git("merge-base", "--all", "main", "feature/x").split("\n")).toHaveLength(2);
    await project.push("main", "feature/x");
    const { git, tip } = await project.mergeAndCopy(project.buildParams("feature/x", "main"));
    expect(git("show", `${tip}:a.txt`)).toBe(LINES.replace("line 3\n", "x3 again\n").replace("line 20\n", "m20 again\n"));
    clone.git("merge", "-q", "--no-ff", "-m", "by stock git", "feature/x");
    expect(git("rev-parse", `${tip}^{tree}`).trim()).toBe(clone.readHead("main^{tree}"));
  });

  it("keeps submodules, symbolic links, file modes and line ends as they are", async () => {
    const project = await MergeProject.register(stage);
    const { clone } = project.checkOut("main");
    clone.commit(".gitattributes", "* text=auto eol=lf\n");
    const other = createTemporaryFolder("ogr-submodule-");
    execFileSync("git", ["init", "-q", other]);
    project.checkOut("feature/x");
    const crlf = "one\r\ntwo\r\n";
    clone.git("config", "core.autocrlf", "false");
    rmSync(join(clone.folder, ".gitattributes"));
    clone.commit("windows.txt", crlf);
    clone.commit("run.sh", "#!/bin/sh\n");
    chmodSync(join(clone.folder, "run.sh"), 0o755);
    symlinkSync("run.sh", join(clone.folder, "link"));
    clone.git("update-index", "--add", "--cacheinfo", `160000,${clone.readHead()},vendor`);
    clone.git("add", "run.sh", "link");
    clone.git("commit", "-q", "-m", "modes");
    project.checkOut("main");
    clone.git("checkout", "-q", "-f", "main");
    clone.commit("b.txt", "b\n");
    await project.push("main", "feature/x");
    const { git, tip } = await project.mergeAndCopy(project.buildParams("feature/x", "main"));
    const at = (commit: string) =>
      git("ls-tree", commit, "windows.txt", "run.sh", "link", "vendor")
        .trim()
        .split("\n")
        .map((line) => line.replace("\t", " "));
    expect(at(tip)).toEqual(at(project.buildParams("feature/x", "main").expected_source));
    expect(at(tip).map((line) => line.split(" ")[0])).toEqual(["120000", "100755", "160000", "100644"]);
    expect(git("show", `${tip}:windows.txt`)).toBe(crlf);
    expect(git("show", `${tip}:b.txt`)).toBe("b\n");
  });

  it("is denied if the histories are unrelated, the source is already contained, or nothing would change", async () => {
    const project = await createDivergedProject();
    const { clone } = project;
    clone.git("checkout", "-q", "--orphan", "feature/orphan");
    clone.commit("o.txt", "o\n");
    project.checkOut("feature/old", "main~1");
    await project.push("feature/orphan", "feature/old");
    for (const strategy of ["fast-forward", "merge", "squash"] as const) {
      expect(code(await project.plan(project.buildParams("feature/orphan", "main", { strategy })))).toBe("unrelated_histories");
      expect(code(await project.plan(project.buildParams("feature/old", "main", { strategy })))).toBe("nothing_to_do");
    }
    project.checkOut("feature/same", "main~1").clone.commit("a.txt", LINES.replace("line 20\n", "line twenty\n"));
    await project.push("feature/same");
    expect(code(await project.plan(project.buildParams("feature/same", "main", { strategy: "squash" })))).toBe("nothing_to_do");
  });

  it("is denied if the source is not a branch of the project or a branch has moved", async () => {
    const project = await createDivergedProject();
    const params = project.buildParams("feature/x", "main");
    expect(code(await project.plan({ ...params, source: "feature/other" }))).toBe("ref_missing");
    expect(code(await project.plan({ ...params, source: params.expected_source }))).toBe("ref_missing");
    expect(code(await project.plan({ ...params, expected_source: params.expected_target }))).toBe("ref_moved");
    expect(code(await project.plan({ ...params, expected_target: params.expected_source }))).toBe("ref_moved");
    expect(code(await project.plan({ ...params, expected_target: ZERO_ID }))).toBe("ref_moved");
    expect(code(await project.plan({ ...params, target: "main/below", expected_target: ZERO_ID }))).toBe("ref_conflict");
    expect(code(await project.merge({ ...params, project_id: "P.absent" }))).toBe("project_unknown");
  });
});
