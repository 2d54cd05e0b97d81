import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { splitSignedCommit } from "../../../src/domain/git/git-signature.js";
import { REGISTRY_IDENTITY } from "../../../src/domain/git/registry-identity.js";
import { readRefs } from "../../../src/repository/refs/refs-state.js";
import { Clone } from "../../repository/real-git.js";
import { code, executeTestJob, IAT, LIMITS, openStage, PROJECT, planTestJob, type Stage, TENANT, value } from "./stage.js";

const CRLF = new Clone();
CRLF.commit("new-crlf.txt", "a\r\nb\r\n", "[PROJ-123] Add a CRLF file");
const SERIES_CRLF = CRLF.run(["format-patch", "--stdout", "--root", "HEAD"]).toString("latin1");

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

  const SERIES = new Clone();
  SERIES.commit("k1", "one\n", "Bob's first");
  SERIES.commit("k2", "two\n", "Carol's second");
  const series = SERIES.run(["format-patch", "--stdout", "--root", "HEAD"]).toString("latin1");
  const [first = ""] = series.split("\n\nFrom ");
  const hidden = "diff --git a/evil b/evil\nnew file mode 100644\nindex 0000000..5626abf\n--- /dev/null\n+++ b/evil\n@@ -0,0 +1 @@\n+one\n";
  const withBody = (body: string) => first.replace("\n\n---\n", `\n\n${body}\n---\n`);
  const misread: [what: string, message: string, bytes: string][] = [
    ["a series after an empty line", "nothing before it", `\n${series}`],
    ["a series after a byte-order mark", "nothing before it", `\xef\xbb\xbf${series}`],
    ["a series without its first `From ` line", "nothing before it", series.slice(series.indexOf("\n") + 1)],
    ["what `git show` prints, whose author would vanish", "nothing before it", SERIES.run(["show", "HEAD"]).toString("latin1")],
    ["a diff that mails follow", "no part of a diff", `${SERIES.run(["diff", "HEAD~1"]).toString("latin1")}${series}`],
    ["a message that has a diff", "end of the message", withBody(hidden)],
    ["a message that has the separator", "stands twice", withBody("before\n---\nafter\n")],
    ["a diff behind the separator in a message", "no part of a diff", withBody(`before\n---\n${hidden}`)],
    ["a date without a zone", "not a date with its zone", first.replace(/^(Date: .*) [+-]\d{4}$/m, "$1")],
    ["a day that does not exist", "not a date with its zone", first.replace(/^Date: .*$/m, "Date: Sat, 31 Feb 2026 10:00:00 +0000")],
    ["a charset that git cannot decode", "git could decode", first.replace("Bob's", "Ren\xe9's")],
    [
      "a name with the separator that forges a trailer",
      "cannot keep",
      first.replace(/^From: .*$/m, "From: =?utf-8?q?A=E2=80=A8Approved-by:_B?= <a@x.example>"),
    ],
    ["a series whose lines end with CRLF", "ends with CR", series.replaceAll("\n", "\r\n")],
    ["a file whose CR was lost on the way", "another content", SERIES_CRLF.replaceAll("\r", "")],
    ["a diff that makes git crash", "git itself crashes", "diff --git a/y b/y\n\n--- /dev/null\n+++ b/y\n@@ -0,0 +1 @@\n+x\n"],
  ];
  it.each(misread)("is denied instead of misread: %s", async (_, message, bytes) => {
    const outcome = await stage.push(Buffer.from(bytes, "latin1"), { branch: "feature/misread" });
    expect(outcome.ok ? "" : outcome.denial.message).toContain(message);
    expect(["bundle_invalid", "patch_does_not_apply"]).toContain(code(outcome));
  });

  it("keeps the line ends of files, and what stands in brackets before the subject", async () => {
    const effects = value(await stage.push(Buffer.from(SERIES_CRLF, "latin1"), { branch: "feature/crlf" }));
    const [tree] = (await readObject(effects.commit))?.split("\n") ?? [];
    expect(tree).toBe(`tree ${CRLF.readHead("HEAD^{tree}")}`);
    expect(await readObject(effects.commit)).toContain("\n\n[PROJ-123] Add a CRLF file\n");
  });

  it("decodes the charset that a mail names", async () => {
    const mail = first
      .replace(/^From: .*$/m, "From: =?iso-8859-1?Q?Ren=E9_M=FCller?= <rene@x.example>")
      .replace(
        /^Subject: .*$/m,
        "Subject: [PATCH] =?iso-8859-1?Q?Gr=FC=DFe?=\nMIME-Version: 1.0\nContent-Type: text/plain; charset=iso-8859-1\nContent-Transfer-Encoding: 8bit",
      )
      .replace("\n\n---\n", "\n\nna\xefve\n---\n");
    const effects = value(await stage.push(Buffer.from(mail, "latin1"), { branch: "feature/latin" }));
    const commit = await readObject(effects.commit);
    expect(commit).toContain("\nauthor René Müller <rene@x.example> ");
    expect(commit).toContain("\n\nGrüße\n\nnaïve\n");
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
