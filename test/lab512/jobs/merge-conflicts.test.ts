import { symlinkSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CONFLICTS_SHOWN_MAX } from "../../../src/domain/git/merge-conflict.js";
import { MergeProject } from "./merges.js";
import { openStage, type Stage } from "./stage.js";

const LINES = Array.from({ length: 30 }, (_, n) => `line ${n}\n`).join("");

describe("merge conflicts", () => {
  let stage: Stage;
  let project: MergeProject;
  beforeAll(async () => {
    stage = await openStage("directory");
    project = await MergeProject.register(stage);
  });
  afterAll(() => stage.close());

  /** Creates a project whose `main` and `feature/x` both changed since `before`. */
  async function createChangedProject(
    before: Record<string, string>,
    onMain: (p: MergeProject) => void,
    onFeature: (p: MergeProject) => void,
  ) {
    project = await MergeProject.register(stage);
    project.checkOut("main").clone.commitFiles(before, "before");
    onFeature(project.checkOut("feature/x"));
    onMain(project.checkOut("main"));
    await project.push("main", "feature/x");
  }

  async function readDenial(strategy: "merge" | "squash" = "merge") {
    const params = project.buildParams("feature/x", "main", { strategy });
    const [planned, executed] = [await project.plan(params), await project.merge(params)];
    expect(planned).toEqual(executed);
    if (planned.ok) throw new Error("there is no conflict");
    return planned.denial;
  }

  it("deny the plan with the path and every hunk, both sides labelled", async () => {
    await createChangedProject(
      { "a.txt": LINES, "b.txt": "b\n" },
      ({ clone }) => clone.commit("a.txt", LINES.replace("line 3\n", "main 3\n").replace("line 20\n", "main 20\n")),
      ({ clone }) => clone.commit("a.txt", LINES.replace("line 3\n", "their 3\n").replace("line 20\n", "their 20\n")),
    );
    const denial = await readDenial();
    expect(denial).toMatchObject({ code: "merge_conflict", message: expect.stringContaining("a.txt") });
    expect(denial.conflicts).toEqual([
      {
        path: "a.txt",
        kind: "contents",
        explanation: "Merge conflict in a.txt",
        hunks: ["<<<<<<< main\nmain 3\n=======\ntheir 3\n>>>>>>> feature/x", "<<<<<<< main\nmain 20\n=======\ntheir 20\n>>>>>>> feature/x"],
      },
    ]);
    expect(await readDenial("squash")).toEqual(denial);
  });

  it("are named without hunks for a deleted file, a file with two new names and a binary file", async () => {
    const bytes = (last: string) => `\0\u0001binary ${last}`;
    await createChangedProject(
      { "gone.txt": LINES, "moved.txt": LINES.replaceAll("line", "row"), "image.bin": bytes("a") },
      ({ clone }) => {
        clone.git("rm", "-q", "gone.txt");
        clone.git("mv", "moved.txt", "by-main.txt");
        clone.commit("image.bin", bytes("main"));
      },
      ({ clone }) => {
        clone.git("mv", "moved.txt", "by-feature.txt");
        clone.commit("gone.txt", `${LINES}more\n`);
        clone.commit("image.bin", bytes("feature"));
      },
    );
    const { conflicts = [] } = await readDenial();
    expect(Object.fromEntries(conflicts.map(({ path, kind }) => [path, kind]))).toMatchObject({
      "gone.txt": "modify/delete",
      "moved.txt": "rename/rename",
      "image.bin": "contents",
    });
    expect(conflicts.every(({ hunks }) => hunks.length === 0)).toBe(true);
    expect(conflicts.map(({ explanation }) => explanation).join(" ")).toContain("deleted in main and modified in feature/x");
  });

  it("show the hunks of a file that both sides renamed", async () => {
    await createChangedProject(
      { "old.txt": LINES },
      ({ clone }) => {
        clone.git("mv", "old.txt", "by-main.txt");
        clone.commit("by-main.txt", LINES.replace("line 3\n", "main 3\n"));
      },
      ({ clone }) => {
        clone.git("mv", "old.txt", "by-feature.txt");
        clone.commit("by-feature.txt", LINES.replace("line 3\n", "their 3\n"));
      },
    );
    const { conflicts = [] } = await readDenial();
    expect(conflicts).toMatchObject([
      {
        path: "old.txt",
        kind: "rename/rename",
        hunks: ["<<<<<<<< main:by-main.txt\nmain 3\n========\ntheir 3\n>>>>>>>> feature/x:by-feature.txt"],
      },
    ]);
  });

  it("label the hunks with a branch name that holds replacement patterns such as $&", async () => {
    project = await MergeProject.register(stage);
    const name = "feature/$&-$'";
    project.checkOut("main").clone.commit("a.txt", "a\n");
    project.checkOut(name).clone.commit("a.txt", "theirs\n");
    project.checkOut("main").clone.commit("a.txt", "ours\n");
    await project.push("main", name);
    const planned = await project.plan(project.buildParams(name, "main"));
    if (planned.ok) throw new Error("there is no conflict");
    expect(planned.denial.conflicts?.[0]?.hunks).toEqual([`<<<<<<< main\nours\n=======\ntheirs\n>>>>>>> ${name}`]);
  });

  it("follow the target's .gitattributes and ignore the source's", async () => {
    const edits = (p: MergeProject, line: string) => {
      for (const path of ["locked/a.lock", "list.txt", "free.txt"]) p.clone.commit(path, LINES.replace(`${line}\n`, `${line} changed\n`));
      p.clone.commit("list.txt", LINES.replace("line 9\n", `line of ${line}\n`));
    };
    await createChangedProject(
      {
        ...{ "locked/a.lock": LINES, "list.txt": LINES, "free.txt": LINES },
        ...{ ".gitattributes": "list.txt merge=union\n", "locked/.gitattributes": "*.lock -merge\n" },
      },
      (p) => edits(p, "line 3"),
      (p) => {
        edits(p, "line 20");
        p.clone.commit(".gitattributes", "* -merge\n");
        p.clone.commit("locked/.gitattributes", "*.lock merge=union\n");
      },
    );
    const { conflicts = [] } = await readDenial();
    expect([...new Set(conflicts.map(({ path }) => path))]).toEqual(["locked/a.lock"]);
  });

  it("follow the target's current .gitattributes after each change to them", async () => {
    const edit = (line: string) => (p: MergeProject) => p.clone.commit("d/list.txt", LINES.replace("line 3\n", `${line}\n`));
    await createChangedProject({ "d/list.txt": LINES, "d/other.txt": LINES }, edit("main"), edit("feature"));
    const { clone } = project;
    const conflicting = async () => {
      const planned = await project.plan(project.buildParams("feature/x", "main"));
      return planned.ok ? [] : planned.denial.conflicts?.map(({ path }) => path);
    };
    const conflictingAfter = async (change: () => void) => {
      change();
      clone.git("commit", "-q", "--allow-empty", "-m", "attributes");
      await project.push("main");
      return conflicting();
    };
    expect(await conflicting()).toEqual(["d/list.txt"]);
    expect(await conflictingAfter(() => clone.commit(".gitattributes", "*.txt merge=union\n"))).toEqual([]);
    expect(await conflictingAfter(() => clone.commit("d/.gitattributes", "*.txt merge\n"))).toEqual(["d/list.txt"]);
    const link = () => {
      clone.git("rm", "-q", "d/.gitattributes");
      symlinkSync("other.txt", join(clone.folder, "d/.gitattributes"));
      clone.git("add", "-A");
    };
    expect(await conflictingAfter(link)).toEqual([]);
    expect(await conflictingAfter(() => clone.git("mv", ".gitattributes", "attributes"))).toEqual(["d/list.txt"]);
  });

  it("are shown up to a limit in number and in size", async () => {
    const many = Object.fromEntries(Array.from({ length: 60 }, (_, n) => [`f${String(n).padStart(2, "0")}.txt`, "same\n"]));
    const all = (word: string) => (p: MergeProject) => {
      const blob = p.clone.writeObject("blob", Buffer.from(word));
      const entries = Object.keys(many).map((path) => `100644 ${blob}\t${path}\n`);
      p.clone.run(["update-index", "--index-info"], Buffer.from(entries.join("")));
      p.clone.git("commit", "-q", "-m", word.slice(0, 10));
      p.clone.git("checkout", "-q", "-f", "HEAD");
    };
    await createChangedProject(many, all(`main ${"m".repeat(20_000)}\n`), all(`feature ${"f".repeat(20_000)}\n`));
    const { conflicts = [], message } = await readDenial();
    expect(conflicts).toHaveLength(CONFLICTS_SHOWN_MAX);
    expect(message).toContain("f04.txt and more");
    expect(JSON.stringify(conflicts).length).toBeLessThan(128 * 1024);
    expect(conflicts[0]?.hunks[0]).toMatch(/^<<<<<<< main\nmain m+\n\(cut\)$/);
  });

  it("are found in histories with two merge bases", async () => {
    await createChangedProject(
      { "a.txt": LINES },
      ({ clone }) => clone.commit("a.txt", LINES.replace("line 20\n", "m20\n")),
      ({ clone }) => clone.commit("a.txt", LINES.replace("line 3\n", "x3\n")),
    );
    const { clone } = project;
    const [x, m] = [clone.readHead("feature/x"), clone.readHead("main")];
    clone.git("merge", "-q", "--no-ff", "-m", "x into main", x);
    project.checkOut("feature/x").clone.git("merge", "-q", "--no-ff", "-m", "main into x", m);
    const both = LINES.replace("line 3\n", "x3\n").replace("line 20\n", "m20\n");
    clone.commit("a.txt", both.replace("x3\n", "by feature\n"));
    project.checkOut("main").clone.commit("a.txt", both.replace("x3\n", "by main\n"));
    await project.push("main", "feature/x");
    const { conflicts = [] } = await readDenial();
    expect(conflicts[0]?.hunks).toEqual(["<<<<<<< main\nby main\n=======\nby feature\n>>>>>>> feature/x"]);
  });
});
