import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { hashBlake3Hex } from "../../../src/domain/bytes/hash.js";
import { ZERO_ID } from "../../../src/domain/git/git-id.js";
import { readRefs } from "../../../src/repository/refs/refs-state.js";
import { buildTreeEntry, Clone } from "../../repository/real-git.js";
import { code, executeTestJob, LIMITS, openStage, PROJECT, type Stage, TENANT, value } from "./stage.js";

describe("a push is denied and moves no ref", () => {
  let stage: Stage;
  const clone = new Clone();
  const base = clone.commit("a.txt", "one\n");
  const bundle = clone.bundle("main");

  beforeAll(async () => {
    stage = await openStage("directory");
    await stage.init();
    value(await stage.push(bundle, { branch: "feature/a" }));
  });
  afterAll(() => stage.close());

  const listRefs = async () => (await readRefs(stage.store, { tenant_id: TENANT, project_id: PROJECT }))?.refs;
  const params = { project_id: PROJECT, branch: "feature/x", expected_old: ZERO_ID, commit_summary: "x" };
  async function expectDenied(expected: string, message: string | RegExp, push: () => ReturnType<Stage["push"]>) {
    const before = await listRefs();
    const outcome = await push();
    expect(code(outcome)).toBe(expected);
    expect(outcome.ok ? "" : outcome.denial.message).toMatch(message);
    expect(await listRefs()).toEqual(before);
  }

  it("if the project is unknown", () =>
    expectDenied("project_unknown", "P.none", () => stage.push(bundle, { branch: "feature/x", project_id: "P.none" })));

  it("if its bytes are not staged", () =>
    expectDenied("staged_bytes_missing", "PUT /v1/staging", () =>
      executeTestJob(stage.buildContext(), "git.registry.push", { ...params, subject_hash: hashBlake3Hex(Buffer.from("never staged")) }),
    ));

  it("if the inline bytes do not match the subject hash", () =>
    expectDenied("subject_hash_mismatch", "BLAKE3", () =>
      stage.push(bundle, { branch: "feature/x", patch: Buffer.from("other").toString("base64") }),
    ));

  it("if the staged bytes do not match the hash in their key", async () => {
    const hash = "f".repeat(64);
    await stage.store.blobs.create(`staging/${TENANT}/${hash}`, bundle);
    await expectDenied("subject_hash_mismatch", "BLAKE3", () =>
      executeTestJob(stage.buildContext(), "git.registry.push", { ...params, subject_hash: hash }),
    );
  });

  it("if the staged bytes exceed the limit", () =>
    expectDenied("limit_exceeded", "allowed", () =>
      stage.push(bundle, { branch: "feature/x" }, { limits: { ...LIMITS, stagedMaxBytes: 10 } }),
    ));

  it("if the branch is not at the expected commit", () =>
    expectDenied("ref_moved", new RegExp(`${base}.*${ZERO_ID}`), () => stage.push(bundle, { branch: "feature/a" })));

  it("if it changes nothing", () =>
    expectDenied("nothing_to_do", base, () => stage.push(bundle, { branch: "feature/a", expected_old: base })));

  it.each(["feature/a/b", "feature"])("if the branch is %s while feature/a exists", (branch) =>
    expectDenied("ref_conflict", "refs/heads/feature/a", () => stage.push(bundle, { branch })),
  );

  it.each(["feature/A", "Feature/b", "feature/A/x", "feature/\uff41"])(
    "if the branch is %s, which nobody can tell apart from feature/a or its folder",
    (branch) => expectDenied("ref_conflict", "refs/heads/feature/a", () => stage.push(bundle, { branch })),
  );

  it("if the branch to delete does not exist", () =>
    expectDenied("ref_missing", "feature/none", () => stage.push(undefined, { branch: "feature/none", delete: true })));

  it("if a deletion comes with bytes", () =>
    expectDenied("subject_hash_mismatch", "no bytes", () => stage.push(bundle, { branch: "feature/a", expected_old: base, delete: true })));

  it("if the bundle requires a commit that is not stored", async () => {
    const other = new Clone();
    const first = other.commit("b", "1");
    other.commit("b", "2");
    await expectDenied("prerequisite_missing", first, () => stage.push(other.bundle("main", [first]), { branch: "feature/x" }));
  });

  it.each([
    ["is truncated in its header", () => bundle.subarray(0, 30)],
    ["is truncated in its pack", () => bundle.subarray(0, bundle.length - 30)],
    ["has no pack", () => bundle.subarray(0, bundle.indexOf("\n\n") + 2)],
    ["has damaged bytes", () => Buffer.concat([bundle.subarray(0, -40), Buffer.alloc(40, 7)])],
    ["has no tip", () => Buffer.from("# v2 git bundle\n\nPACK\0\0\0\x02\0\0\0\0")],
    ["has an unknown version", () => Buffer.from(bundle.toString("latin1").replace("# v2", "# v9"), "latin1")],
    ["has SHA-256 objects", () => Buffer.from(`# v3 git bundle\n@object-format=sha256\n${"a".repeat(64)} refs/heads/x\n\nPACK`)],
    ["is filtered", () => Buffer.from(`# v3 git bundle\n@filter=blob:none\n${base} refs/heads/x\n\nPACK`)],
    ["points to a blob", () => clone.wrap(clone.readHead("HEAD:a.txt"), clone.pack([clone.readHead("HEAD:a.txt")]))],
    ["lacks its own tip", () => clone.wrap("1".repeat(40), clone.pack([clone.readHead("HEAD:a.txt")]))],
    ["is not a bundle", () => Buffer.from("hello")],
    ["is empty", () => Buffer.alloc(0)],
  ])("if the bundle %s", (_, make) => expectDenied("bundle_invalid", /./, () => stage.push(make(), { branch: "feature/x" })));

  it("if the bundle has two tips", () => {
    clone.git("branch", "-f", "second", "main");
    const path = `${clone.folder}/two.bundle`;
    clone.git("bundle", "create", path, "main", "second");
    return expectDenied("bundle_invalid", "2 tips", () =>
      stage.push(clone.run(["cat-file", "blob", clone.git("hash-object", "-w", path)]), { branch: "feature/x" }),
    );
  });

  it("if the bundle's tip is an annotated tag", () => {
    clone.git("tag", "-a", "v9", "-m", "nine");
    return expectDenied("bundle_invalid", "is a tag", () => stage.push(clone.bundle("v9"), { branch: "feature/x" }));
  });

  describe("if the pack holds", () => {
    const evil = new Clone();
    const blob = evil.writeObject("blob", Buffer.from("evil"));
    const commitEntries = (entries: Buffer) => {
      const tree = evil.writeObject("tree", entries);
      return { tree, commit: evil.commitTree(tree) };
    };
    const pushPack = (tip: string, ids: readonly string[], limits = {}) =>
      stage.push(evil.wrap(tip, evil.pack(ids)), { branch: "feature/evil" }, { limits: { ...LIMITS, ...limits } });
    /** Makes a pack so large that git itself walks it. */
    const ballast = evil.writeObject("blob", randomBytes(1_200_000));
    const sizes = [
      ["small", []],
      ["large", [ballast]],
    ] as const;
    function createTreeChain(name: string, depth: number): { tree: string; ids: string[] } {
      let tree = evil.writeObject("tree", buildTreeEntry("100644", "file", blob));
      const ids = [blob, tree];
      for (let at = 0; at < depth; at++) {
        tree = evil.writeObject("tree", buildTreeEntry("40000", name, tree));
        ids.push(tree);
      }
      return { tree, ids };
    }

    it.each([".git", ".GIT", "git~1", "..", ".", "a/b", ""])("a tree entry %j", async (name) => {
      const { tree, commit } = commitEntries(buildTreeEntry("100644", name, blob));
      await expectDenied("objects_invalid", /fsck|[0-9a-f]{40}/, () => pushPack(commit, [commit, tree, blob]));
    });

    it("a tree whose blob is missing", async () => {
      const { tree, commit } = commitEntries(buildTreeEntry("100644", "a", evil.writeObject("blob", Buffer.from("kept back"))));
      await expectDenied("objects_invalid", "needed", () => pushPack(commit, [commit, tree]));
    });

    it("a commit whose parent is missing", async () => {
      const { tree, commit } = commitEntries(buildTreeEntry("100644", "a", blob));
      const child = evil.commitTree(tree, [commit]);
      await expectDenied("objects_invalid", commit, () => pushPack(child, [child, tree, blob]));
    });

    it("a tree under a file mode", async () => {
      const inner = evil.writeObject("tree", buildTreeEntry("100644", "x", blob));
      const { tree, commit } = commitEntries(buildTreeEntry("100644", "a", inner));
      await expectDenied("objects_invalid", /./, () => pushPack(commit, [commit, tree, inner, blob]));
    });

    it("a malformed commit", async () => {
      const commit = evil.writeObject("commit", Buffer.from("hello"));
      await expectDenied("objects_invalid", /./, () => pushPack(commit, [commit]));
    });

    it("more objects than allowed", async () => {
      const { tree, commit } = commitEntries(buildTreeEntry("100644", "a", blob));
      await expectDenied("limit_exceeded", "3 objects", () => pushPack(commit, [commit, tree, blob], { objectsMaxCount: 2 }));
    });

    it("a header that claims 4,294,967,295 objects", async () => {
      const pack = Buffer.concat([Buffer.from("PACK\0\0\0\x02"), Buffer.from([0xff, 0xff, 0xff, 0xff])]);
      await expectDenied("limit_exceeded", "4294967295", () => stage.push(evil.wrap("1".repeat(40), pack), { branch: "feature/evil" }));
    });

    it("a blob above the limit, or is itself above the limit", async () => {
      const large = evil.writeObject("blob", Buffer.alloc(200_000, "a"));
      const { tree, commit } = commitEntries(buildTreeEntry("100644", "a", large));
      await expectDenied("limit_exceeded", large, () => pushPack(commit, [commit, tree, large], { blobMaxBytes: 199_999 }));
      await expectDenied("limit_exceeded", "pack", () => pushPack(commit, [commit, tree, large], { packMaxBytes: 100 }));
    });

    it.each(sizes)("a blob that exceeds the limit once inflated, in a %s pack", async (_, more) => {
      const unfolding = evil.writeObject("blob", Buffer.alloc(1_300_001, "z"));
      const { tree, commit } = commitEntries(buildTreeEntry("100644", "a", unfolding));
      await expectDenied("limit_exceeded", unfolding, () =>
        pushPack(commit, [commit, tree, unfolding, ...more], { blobMaxBytes: 1_300_000 }),
      );
    });

    it.each(sizes)("a path that is too long although each folder name is allowed, in a %s pack", async (_, more) => {
      const { tree, ids } = createTreeChain("d".repeat(50), 10);
      const commit = evil.commitTree(tree);
      await expectDenied("limit_exceeded", "path of 514 bytes", () => pushPack(commit, [commit, ...ids, ...more], { pathMaxBytes: 513 }));
    });

    it.each(sizes)("a tree that moves stored folders so deep that a path becomes too long, in a %s pack", async (size, more) => {
      const branch = `feature/deep-${size}`;
      const { tree, ids } = createTreeChain(`${size}${"d".repeat(45)}`, 5);
      const first = evil.commitTree(tree);
      value(await stage.push(evil.wrap(first, evil.pack([first, ...ids])), { branch }));
      const above = evil.writeObject("tree", buildTreeEntry("40000", "e".repeat(50), tree));
      const second = evil.commitTree(above, [first]);
      const bundle = evil.wrap(second, evil.pack([second, above, ...more]), [first]);
      await expectDenied("limit_exceeded", "path of 310 bytes", () =>
        stage.push(bundle, { branch, expected_old: first }, { limits: { ...LIMITS, pathMaxBytes: 309 } }),
      );
    });

    it("a commit with too long a path, as tip or ancestor, which an earlier pack stored unreachable", async () => {
      const { tree, ids } = createTreeChain("u".repeat(50), 7);
      const unseen = evil.commitTree(tree);
      const harmless = commitEntries(buildTreeEntry("100644", "harmless", blob));
      const pack = evil.pack([harmless.commit, harmless.tree, unseen, ...ids]);
      value(
        await stage.push(evil.wrap(harmless.commit, pack), { branch: "feature/harmless" }, { limits: { ...LIMITS, pathMaxBytes: 360 } }),
      );
      const above = evil.commitTree(tree, [unseen]);
      const push = (tip: string, pack: Buffer) =>
        stage.push(evil.wrap(tip, pack), { branch: "feature/unseen" }, { limits: { ...LIMITS, pathMaxBytes: 360 } });
      await expectDenied("limit_exceeded", "path of 361 bytes", () => push(unseen, evil.pack([])));
      await expectDenied("limit_exceeded", "path of 361 bytes", () => push(above, evil.pack([above])));
    });

    it("a few trees that expand to too many paths", async () => {
      let tree = evil.writeObject("tree", buildTreeEntry("100644", "f", blob));
      const ids = [blob, tree];
      for (let depth = 0; depth < 12; depth++) {
        const entries = Array.from({ length: 10 }, (_, n) => buildTreeEntry("40000", `d${n}`, tree));
        tree = evil.writeObject("tree", Buffer.concat(entries));
        ids.push(tree);
      }
      const commit = evil.commitTree(tree);
      await expectDenied("limit_exceeded", "paths", () => pushPack(commit, [commit, ...ids]));
      await expectDenied("limit_exceeded", "more paths than", () => pushPack(commit, [commit, ...ids, ballast]));
    });
  });
});
