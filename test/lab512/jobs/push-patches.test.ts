import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { splitSignedCommit } from "../../../src/domain/git/git-signature.js";
import { REGISTRY_IDENTITY } from "../../../src/domain/git/registry-identity.js";
import { readRefs } from "../../../src/repository/refs/refs-state.js";
import { Clone } from "../../repository/real-git.js";
import { code, executeTestJob, IAT, LIMITS, openStage, PROJECT, planTestJob, type Stage, TENANT, value } from "./stage.js";

describe("a patch", () => {
  let stage: Stage;
  const clone = new Clone();
  const base = clone.commit("src/a.txt", "one\ntwo\nthree\n");
  beforeAll(async () => {
    stage = await openStage("directory");
    await stage.init();
    value(await stage.push(clone.bundle("main"), { branch: "feature/base" }));
  });
  afterAll(() => stage.close());

  /** Creates a branch at the base. Returns its name. */
  async function createBranch(name: string): Promise<string> {
    value(await stage.push(clone.bundle("main"), { branch: name }));
    return name;
  }
  async function readObject(id: string | null) {
    const repository = await stage.repositories.open(stage.store, { tenant_id: TENANT, project_id: PROJECT }, new AbortController().signal);
    const read = await repository?.getReader().read(id ?? "");
    await repository?.close();
    return read?.bytes.toString("utf8");
  }

  it("in the form of a diff becomes one commit by the registry with the permit's date, identical on every attempt", async () => {
    const name = await createBranch("feature/diff");
    const diff = Buffer.from("--- a/src/a.txt\n+++ b/src/a.txt\n@@ -1,3 +1,3 @@\n one\n-two\n+TWO\n three\n");
    const effects = value(await stage.push(diff, { branch: name, expected_old: base, commit_summary: "feat: louder" }));
    const seconds = Math.floor(IAT / 1000);
    const who = `${REGISTRY_IDENTITY.name} <${REGISTRY_IDENTITY.email}> ${seconds} +0000`;
    const commit = Buffer.from((await readObject(effects.commit)) ?? "");
    const [, ...lines] = splitSignedCommit(commit)?.unsigned.toString("utf8").split("\n") ?? [];
    expect(lines).toEqual([`parent ${base}`, `author ${who}`, `committer ${who}`, "", "feat: louder", ""]);
    const other = await createBranch("feature/diff-again");
    expect(value(await stage.push(diff, { branch: other, expected_old: base, commit_summary: "feat: louder" })).commit).toBe(
      effects.commit,
    );
  });

  it("in the form of a format-patch series becomes one commit per mail, with its author, date and message", async () => {
    const work = new Clone();
    work.run(["fetch", "-q", clone.folder, "main"]);
    work.git("reset", "-q", "--hard", "FETCH_HEAD");
    work.commit("src/b.txt", "b\n", "add b\n\nWith a body — and ünïcode.");
    work.commit("src/a.txt", "one\nTWO\nthree\n", "louder");
    const mbox = work.run(["format-patch", "--stdout", `${base}..HEAD`]);
    const name = await createBranch("feature/series");
    const params = { branch: name, expected_old: base };
    const plan = value(
      await planTestJob(stage.buildContext(), "git.registry.push", {
        ...params,
        project_id: PROJECT,
        commit_summary: "x",
        subject_hash: await stage.stage(mbox),
      }),
    );
    expect(plan.commit_count).toBe(2);
    expect(plan.commits.map((commit) => commit.summary)).toEqual(["louder", "add b"]);
    expect(plan.author_emails).toEqual(["ada@example.org"]);
    expect(plan.basis.refs).toEqual([{ name: `refs/heads/${name}`, old: base, new: null }]);
    expect(plan.basis.creates.map((created) => created.kind)).toEqual(["commit", "commit"]);

    const effects = value(await stage.push(mbox, params));
    const last = await readObject(effects.commit);
    const theirs = work.run(["cat-file", "commit", "HEAD"]).toString("utf8");
    const pick = (text: string | undefined, line: string) => text?.split("\n").find((each) => each.startsWith(line));
    expect(pick(last, "author")).toBe(pick(theirs, "author"));
    expect(pick(last, "tree")).toBe(pick(theirs, "tree"));
    expect(pick(last, "committer")).toContain(REGISTRY_IDENTITY.email);
    const before = await readObject(pick(last, "parent")?.slice(7) ?? "");
    expect(before?.split("\n\n").slice(1).join("\n\n")).toBe("add b\n\nWith a body — and ünïcode.\n");
    expect(plan.basis.creates.map((created) => (created.kind === "commit" ? created.tree : ""))).toEqual([
      pick(before, "tree")?.slice(5),
      pick(last, "tree")?.slice(5),
    ]);
  });

  it("for a branch that does not exist becomes a root commit", async () => {
    const diff = Buffer.from("diff --git a/new.txt b/new.txt\nnew file mode 100644\n--- /dev/null\n+++ b/new.txt\n@@ -0,0 +1 @@\n+new\n");
    const effects = value(await stage.push(diff, { branch: "feature/root" }));
    expect(await readObject(effects.commit)).not.toContain("parent");
  });

  it("with a binary file applies", async () => {
    const work = new Clone();
    work.commit("image.png", Buffer.from(Array.from({ length: 4000 }, (_, n) => (n * 7919) % 256)));
    const diff = work.run(["diff", "--binary", "4b825dc642cb6eb9a060e54bf8d69288fbee4904", "HEAD"]);
    const effects = value(await stage.push(diff, { branch: "feature/binary" }));
    expect((await readObject(effects.commit))?.split("\n")[0]).toBe(`tree ${work.readHead("HEAD^{tree}")}`);
  });

  const denials: [what: string, code: string, message: string, bytes: string, old: string][] = [
    [
      "does not apply",
      "patch_does_not_apply",
      "src/a.txt",
      "--- a/src/a.txt\n+++ b/src/a.txt\n@@ -1,3 +1,3 @@\n one\n-zwei\n+TWO\n three\n",
      base,
    ],
    [
      "changes a file that does not exist",
      "patch_does_not_apply",
      "none.txt",
      "--- a/none.txt\n+++ b/none.txt\n@@ -1 +1 @@\n-a\n+b\n",
      base,
    ],
    ["is truncated", "patch_does_not_apply", "corrupt", "--- a/src/a.txt\n+++ b/src/a.txt\n@@ -1,3 +1,3 @@\n one\n", base],
    ["writes into .git", "patch_does_not_apply", ".git/config", "--- /dev/null\n+++ b/.git/config\n@@ -0,0 +1 @@\n+x\n", base],
    ["writes outside the tree", "patch_does_not_apply", "escape", "--- /dev/null\n+++ b/../escape\n@@ -0,0 +1 @@\n+x\n", base],
    [
      "is a series without an author",
      "bundle_invalid",
      "author",
      `From ${"a".repeat(40)} Mon Sep 17 00:00:00 2001\nSubject: x\n\nx\n---\n--- /dev/null\n+++ b/n\n@@ -0,0 +1 @@\n+x\n`,
      base,
    ],
  ];
  it.each(denials)("is denied if it %s", async (_, expected, message, bytes, old) => {
    const name = `feature/denied-${denials.findIndex((denial) => denial[3] === bytes)}`;
    await createBranch(name);
    const outcome = await stage.push(Buffer.from(bytes), { branch: name, expected_old: old });
    expect(code(outcome)).toBe(expected);
    expect(outcome.ok ? "" : outcome.denial.message).toContain(message);
    expect((await readRefs(stage.store, { tenant_id: TENANT, project_id: PROJECT }))?.refs.get(`refs/heads/${name}`)?.id).toBe(base);
  });

  it("is denied if it changes no file", async () => {
    const name = await createBranch("feature/nothing");
    const diff = Buffer.from(
      "diff --git a/src/a.txt b/src/a.txt\n--- a/src/a.txt\n+++ b/src/a.txt\n@@ -1,3 +1,3 @@\n one\n-two\n+two\n three\n",
    );
    expect(code(await stage.push(diff, { branch: name, expected_old: base }))).toBe("nothing_to_do");
  });

  it("is denied if it makes a path that is too long or a file that is too large", async () => {
    const name = await createBranch("feature/limits");
    const path = "--- /dev/null\n+++ b/dddddddddd/eeeeeeeeee/f.txt\n@@ -0,0 +1 @@\n+x\n";
    const limitContext = (limits: object) => stage.buildContext({ limits: { ...LIMITS, ...limits } });
    const push = async (limits: object) =>
      executeTestJob(limitContext(limits), "git.registry.push", {
        project_id: PROJECT,
        branch: name,
        expected_old: base,
        commit_summary: "x",
        subject_hash: await stage.stage(Buffer.from(path)),
      });
    expect(code(await push({ pathMaxBytes: 26 }))).toBe("limit_exceeded");
    expect(code(await push({ blobMaxBytes: 1 }))).toBe("limit_exceeded");
    expect(code(await push({}))).toBe("granted");
  });
});
