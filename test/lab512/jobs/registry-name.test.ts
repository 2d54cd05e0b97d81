import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { PushParams } from "../../../src/domain/act/job.js";
import { ZERO_ID } from "../../../src/domain/git/git-id.js";
import { joinSignedCommit, signGitObject, splitSignedCommit } from "../../../src/domain/git/git-signature.js";
import { REGISTRY_IDENTITY } from "../../../src/domain/git/registry-identity.js";
import { readRefs } from "../../../src/repository/refs/refs-state.js";
import type { Clone } from "../../repository/real-git.js";
import { MergeProject } from "./merges.js";
import { code, copyPrefix, createKey, executeTestJob, GIT_KEY, openStage, planTestJob, type Stage, TENANT, value } from "./stage.js";

const PUSH = "git.registry.push";
const REGISTRY = `${REGISTRY_IDENTITY.name} <${REGISTRY_IDENTITY.email}> 1700000000 +0000`;
const WEST = "author Eve <eve@example.org> 1700000000 -0100";
const DECISION = "Card: k-1\nPermit: 94b5731a-2f54-8a5a-ab1f-99157d3bf5a9\nApproved-by: ubl:sid:person:bob\n";

describe("a pusher", () => {
  let stage: Stage;
  beforeAll(async () => {
    stage = await openStage("directory");
  });
  afterAll(() => stage.close());

  /** Registers a project with a commit on `main`. */
  async function openProject() {
    const project = await MergeProject.register(stage);
    const base = project.checkOut("main").clone.commit("a.txt", "a\n");
    await project.push("main");
    return { project, clone: project.clone, base };
  }

  /** Plans and pushes a tip to a new branch. Returns the code of each, and whether the branch exists. */
  async function tryPush(project: MergeProject, bytes: Uint8Array, changes: Partial<PushParams> = {}, keys = stage.buildContext()) {
    const subject_hash = await stage.stage(bytes);
    const params: PushParams = {
      ...{ project_id: project.id, branch: `feature/${randomBytes(4).toString("hex")}`, expected_old: ZERO_ID },
      ...{ commit_summary: "test", subject_hash, ...changes },
    };
    const planned = code(await planTestJob(keys, PUSH, params));
    const pushed = code(await stage.push(bytes, params, { readGitKeys: keys.readGitKeys }));
    const refs = (await readRefs(stage.store, { tenant_id: TENANT, project_id: project.id }))?.refs;
    return { planned, pushed, exists: refs?.has(`refs/heads/${params.branch}`) };
  }
  const DENIED = { planned: "registry_impersonated", pushed: "registry_impersonated", exists: false };
  const GRANTED = { planned: "granted", pushed: "granted", exists: true };

  /** Writes a commit with these header lines after its tree and parents. */
  function writeCommit(clone: Clone, parents: readonly string[], lines: readonly string[], message = "m\n"): string {
    const tree = clone.git("rev-parse", "HEAD^{tree}");
    const header = [`tree ${tree}`, ...parents.map((id) => `parent ${id}`), ...lines].join("\n");
    return clone.writeObject("commit", Buffer.from(message === "" ? `${header}\n` : `${header}\n\n${message}`));
  }
  function bundleCommit(clone: Clone, id: string): Buffer {
    clone.git("update-ref", "refs/heads/forged", id);
    return clone.bundle("forged");
  }
  const author = "author Eve <eve@example.org> 1700000000 +0000";

  it("cannot fake a merge that others approved in the registry's name", async () => {
    const { project, clone, base } = await openProject();
    const own = clone.commit("evil.txt", "evil\n");
    const forged = writeCommit(
      clone,
      [base, own],
      [`author ${REGISTRY}`, `committer ${REGISTRY}`],
      `Merge feature/x into main\n\n${DECISION}`,
    );
    expect(await tryPush(project, bundleCommit(clone, forged))).toEqual(DENIED);
    // Not below a commit of one's own either, and not onto a branch that exists.
    const above = clone.commitTree(clone.git("rev-parse", "HEAD^{tree}"), [forged]);
    expect(await tryPush(project, bundleCommit(clone, above))).toEqual(DENIED);
    expect(await tryPush(project, bundleCommit(clone, above), { branch: "main", expected_old: base })).toMatchObject({
      planned: "registry_impersonated",
      pushed: "registry_impersonated",
    });
    // The same commit under the pusher's own name is a commit like any other.
    const honest = writeCommit(clone, [base, own], [`author ${REGISTRY}`, "committer Eve <eve@example.org> 1700000000 +0000"]);
    expect(await tryPush(project, bundleCommit(clone, honest))).toEqual(GRANTED);
  });

  const eve = "committer Eve <eve@example.org> 1700000000 +0000";
  const date = "1700000000 +0000";
  it.each<[spelling: string, lines: readonly string[], message?: string]>([
    ["in capitals and under another name", [author, `committer Eve <Registry@UBL.Invalid> ${date}`]],
    ["with spaces around it", [author, `committer Eve < registry@ubl.invalid > ${date}`]],
    ["in the last of two committer lines, which git shows", [author, eve, `committer ${REGISTRY}`]],
    ["in the first of two committer lines", [author, `committer ${REGISTRY}`, eve]],
    // A `+` in the time zone would be no text of this encoding.
    ["in an encoding that git decodes", [WEST, `committer Eve <registry+AEA-ubl.invalid> 1700000000 -0100`, "encoding UTF-7"]],
    ["in bytes that an encoding makes git decode to something else", [author, `committer ${REGISTRY}`, "encoding UTF-16"]],
    ["in the first of two committer lines of another encoding", [author, `committer ${REGISTRY}`, eve, "encoding ISO-8859-1"]],
    // Only git decodes it, and to no address.
    ["in an encoding in which it is another text", [author, `committer ${REGISTRY}`, "encoding IBM037"]],
    // fsck reads the first committer line alone.
    ["after another bracket", [author, eve, `committer ${REGISTRY.replace("<", "<<")}`]],
    ["before another address", [author, eve, `committer ${REGISTRY.replace(">", "> <eve@example.org>")}`]],
    ["without its closing bracket", [author, eve, `committer ${REGISTRY.slice(0, REGISTRY.indexOf(">"))}`]],
    ["in a commit without a message", [author, `committer ${REGISTRY}`], ""],
  ])("cannot use the registry's address %s", async (_, lines, message) => {
    const { project, clone, base } = await openProject();
    expect(await tryPush(project, bundleCommit(clone, writeCommit(clone, [base], lines, message)))).toEqual(DENIED);
  });

  it("cannot hide an author behind an encoding that makes git show somebody else", async () => {
    const { project, clone, base } = await openProject();
    for (const encoding of ["UTF-16", "UTF-7", "ISO-8859-1", "no such encoding"]) {
      const lines = [
        "author Bob <bob@ubl.example> 1700000000 +0000",
        "committer Eve <eve@example.org> 1700000000 +0000",
        `encoding ${encoding}`,
      ];
      const subject_hash = await stage.stage(bundleCommit(clone, writeCommit(clone, [base], lines, "Gr\u00fc\u00dfe\n")));
      const params = { project_id: project.id, branch: "feature/encoded", expected_old: ZERO_ID, commit_summary: "x", subject_hash };
      const plan = value(await planTestJob(stage.buildContext(), PUSH, params));
      expect(plan.author_emails).toContain("bob@ubl.example");
      expect(plan.commits[0]).toMatchObject({ author: "Bob", author_email: "bob@ubl.example", summary: "Gr\u00fc\u00dfe" });
    }
  });

  it("can use an address that only contains the registry's", async () => {
    const { project, clone, base } = await openProject();
    for (const email of ["my-registry@ubl.invalid", "registry@ubl.invalid.example.org"]) {
      const lines = [author, `committer Eve <${email}> ${date}`];
      expect(await tryPush(project, bundleCommit(clone, writeCommit(clone, [base], lines)))).toEqual(GRANTED);
    }
  });

  it("cannot hide such a commit in a large push, which git inspects", async () => {
    const { project, clone } = await openProject();
    clone.commit("large.bin", randomBytes(1_200_000));
    for (const encoding of [[], ["encoding IBM037"]]) {
      const forged = writeCommit(clone, [clone.readHead()], [author, `committer ${REGISTRY}`, ...encoding]);
      const tip = clone.commitTree(clone.git("rev-parse", "HEAD^{tree}"), [forged]);
      expect(await tryPush(project, bundleCommit(clone, tip))).toEqual(DENIED);
    }
    const honest = writeCommit(clone, [clone.readHead()], [author, `committer Eve <my-registry@ubl.invalid> ${date}`]);
    expect(await tryPush(project, bundleCommit(clone, honest))).toEqual(GRANTED);
  });

  it("cannot keep the registry busy with the signatures of more than 10,000 commits", async () => {
    const { project, clone, base } = await openProject();
    const commits = Array.from({ length: 10_001 }, (_, at) => {
      const from = at === 0 ? `from ${base}\n` : "";
      return `commit refs/heads/many\ncommitter ${REGISTRY}\ndata 0\n${from}\n`;
    });
    clone.run(["fast-import", "--quiet"], Buffer.from(commits.join("")));
    expect(await tryPush(project, clone.bundle("many", [base]))).toMatchObject({ planned: "limit_exceeded", pushed: "limit_exceeded" });
  });

  it("cannot store such a commit beside a harmless one and push it later", async () => {
    const { project, clone, base } = await openProject();
    const forged = writeCommit(clone, [base], [author, `committer ${REGISTRY}`]);
    const harmless = clone.commit("b.txt", "b\n");
    const objects = clone.git("rev-list", "--objects", `${base}..main`).split("\n");
    const pack = clone.pack([...objects.map((line) => line.split(" ")[0] ?? ""), forged]);
    expect(await tryPush(project, clone.wrap(harmless, pack, [base]))).toEqual(GRANTED);
    expect(await tryPush(project, clone.wrap(forged, clone.pack([forged]), [base]))).toEqual(DENIED);
    expect(await tryPush(project, clone.wrap(forged, clone.pack([]), [forged]))).toEqual(DENIED);
  });

  it("cannot sign such a commit with a key of their own, or with the signature of another commit", async () => {
    const { project, clone, base } = await openProject();
    const forged = writeCommit(clone, [base], [author, `committer ${REGISTRY}`]);
    const unsigned = clone.run(["cat-file", "commit", forged]);
    const other = Buffer.concat([unsigned, Buffer.from("more\n")]);
    for (const signature of [signGitObject(unsigned, createKey()), signGitObject(other, GIT_KEY)]) {
      const id = clone.writeObject("commit", joinSignedCommit({ unsigned, signature }));
      expect(await tryPush(project, bundleCommit(clone, id))).toEqual(DENIED);
    }
    const genuine = clone.writeObject("commit", joinSignedCommit({ unsigned, signature: signGitObject(unsigned, GIT_KEY) }));
    expect(await tryPush(project, bundleCommit(clone, genuine))).toEqual(GRANTED);
  });

  it("can push a merge by the registry to another project of the tenant, while the key that signed it is not revoked", async () => {
    const { project, clone } = await openProject();
    project.checkOut("feature/x", "main").clone.commit("x.txt", "x\n");
    await project.push("feature/x");
    const merged = value(await project.merge(project.buildParams("feature/x", "main"))).commit ?? "";
    clone.git("fetch", "-q", await copyPrefix(stage, project.id), "main");
    const bundle = bundleCommit(clone, merged);
    const { project: other } = await openProject();
    expect(await tryPush(other, bundle)).toEqual(GRANTED);
    const { project: late } = await openProject();
    const revoked = stage.buildContext({
      readGitKeys: async () => ({ valid: { keys: [createKey().jwk] }, known: { keys: [GIT_KEY.jwk] } }),
    });
    expect(await tryPush(late, bundle, {}, revoked)).toEqual(DENIED);
  });

  it("cannot have the registry sign a decision that they wrote into a patch", async () => {
    const { project, clone, base } = await openProject();
    for (const line of DECISION.split("\n").filter((text) => text.startsWith("Permit") || text.startsWith("Approved"))) {
      clone.git("checkout", "-q", "-B", "work", base);
      clone.commit("b.txt", "b\n", `Squash review/x into main\n\n${line.toUpperCase()}`);
      const series = clone.run(["format-patch", "--stdout", `${base}..work`]);
      const onto = { branch: "main", expected_old: base };
      expect(await tryPush(project, series, onto)).toMatchObject({ planned: "registry_impersonated", pushed: "registry_impersonated" });
      const diff = clone.run(["diff", base, "work"]);
      expect(await tryPush(project, diff, { ...onto, commit_summary: line })).toMatchObject({ planned: "registry_impersonated" });
    }
    const { project: other } = await openProject();
    const series = clone
      .run(["format-patch", "--stdout", `${base}..work`])
      .toString("utf8")
      .replaceAll("APPROVED-BY", "Reviewed-by");
    expect(await tryPush(other, Buffer.from(series), { branch: "main", expected_old: base })).toMatchObject({ pushed: "granted" });
  });
});

it("who proposes a release cannot have the registry sign a decision that they wrote into its notes", async () => {
  const stage = await openStage("directory");
  const project = await MergeProject.register(stage);
  const commit = project.checkOut("main").clone.commit("a.txt", "a\n");
  await project.push("main");
  const params = { project_id: project.id, tag: "v1.0.0", commit, notes: `The first.\n\n${DECISION}` };
  const TAG = "git.registry.tag_release";
  expect(code(await planTestJob(stage.buildContext(), TAG, params))).toBe("registry_impersonated");
  expect(code(await executeTestJob(stage.buildContext(), TAG, params))).toBe("registry_impersonated");
  expect(code(await executeTestJob(stage.buildContext(), TAG, { ...params, notes: "Permits are shorter.\n" }))).toBe("granted");
  await stage.close();
});

describe("a `Co-authored-by:` line", () => {
  let stage: Stage;
  beforeAll(async () => {
    stage = await openStage("directory");
  });
  afterAll(() => stage.close());

  const BOB = "\n\nCo-authored-by: Bob <bob@example.org>\n";
  const PERMIT = "Permit: 94b5731a-2f54-8a5a-ab1f-99157d3bf5a9\n";

  /** Merges `source` into `main` and returns who counts as an author. */
  const planAuthors = async (project: MergeProject, source: string, readGitKeys = stage.buildContext().readGitKeys) => {
    const params = project.buildParams(source, "main");
    const context = stage.buildContext({ readGitKeys });
    return value(await planTestJob(context, "git.registry.merge_protected", params)).author_emails;
  };

  it("that somebody typed makes nobody an author, in a commit, in a patch and in a squash of these", async () => {
    const project = await MergeProject.register(stage);
    const base = project.checkOut("main").clone.commit("a.txt", "a\n");
    project.checkOut("feature/x", "main").clone.commit("x.txt", "x\n", `x${BOB}`);
    const series = project.clone.run(["format-patch", "--stdout", `${base}..feature/x`]);
    await project.push("main", "feature/x");
    expect(await planAuthors(project, "feature/x")).toEqual(["ada@example.org"]);
    const patched = { project_id: project.id, branch: "feature/mail", expected_old: base };
    value(await stage.push(project.clone.bundle("main"), { ...patched, expected_old: ZERO_ID }));
    const mailed = value(await stage.push(series, patched)).commit ?? "";
    const params = { ...project.buildParams("feature/x", "main"), source: "feature/mail", expected_source: mailed };
    expect(value(await project.plan(params)).author_emails).toEqual(["ada@example.org"]);
    const squash = value(await project.merge(project.buildParams("feature/x", "main", { strategy: "squash" }))).commit ?? "";
    const folder = await copyPrefix(stage, project.id);
    project.clone.git("fetch", "-q", folder, "main");
    expect(project.clone.git("log", "-1", "--format=%B", squash)).not.toContain("Bob");
  });

  it("by the registry makes the other authors of a squash authors, even after its key is revoked, and by another key nobody", async () => {
    const project = await MergeProject.register(stage);
    project.checkOut("main").clone.commit("a.txt", "a\n");
    project.checkOut("feature/x", "main").clone.commit("x.txt", "x\n");
    project.clone.git("commit", "-q", "--allow-empty", "-m", "another", "--author", "Grace <grace@example.org>");
    project.checkOut("release/1.0", "main");
    await project.push("main", "feature/x", "release/1.0");
    const squash = value(await project.merge(project.buildParams("feature/x", "main", { strategy: "squash" }))).commit ?? "";
    const plan = async (known: readonly (typeof GIT_KEY)[]) => {
      const readGitKeys = async () => ({ valid: { keys: [] }, known: { keys: known.map(({ jwk }) => jwk) } });
      const params = project.buildParams("main", "release/1.0", { expected_source: squash });
      return value(await planTestJob(stage.buildContext({ readGitKeys }), "git.registry.merge_protected", params)).author_emails;
    };
    expect(await plan([createKey(), GIT_KEY])).toEqual(["ada@example.org", "grace@example.org"]);
    expect(await plan([createKey()])).toEqual(["grace@example.org"]);
  });

  it("in a message of the registry that names no permit makes nobody an author", async () => {
    const project = await MergeProject.register(stage);
    project.checkOut("main").clone.commit("a.txt", "a\n");
    await project.push("main");
    const { clone } = project.checkOut("feature/x", "main");
    clone.commit("x.txt", "x\n");
    const tree = clone.git("rev-parse", "HEAD^{tree}");
    const write = (message: string) => {
      const header = `tree ${tree}\nparent ${clone.readHead("main")}\nauthor Ada <ada@example.org> 1 +0000\ncommitter ${REGISTRY}\n\n`;
      const unsigned = Buffer.from(header + message);
      return clone.writeObject("commit", joinSignedCommit({ unsigned, signature: signGitObject(unsigned, GIT_KEY) }));
    };
    for (const [message, authors] of [
      [`x${BOB}`, ["ada@example.org"]],
      [`x\n\n${PERMIT}${BOB}`, ["ada@example.org"]],
      [`x${BOB}${PERMIT}`, ["ada@example.org", "bob@example.org"]],
    ] as const) {
      const commit = write(message);
      expect(splitSignedCommit(clone.run(["cat-file", "commit", commit]))).toBeDefined();
      clone.git("update-ref", "refs/heads/feature/x", commit);
      await project.push("feature/x");
      expect(await planAuthors(project, "feature/x"), message).toEqual(authors);
    }
  });
});
