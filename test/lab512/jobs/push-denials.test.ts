import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { hashBlake3Hex } from "../../../src/domain/bytes/hash.js";
import { ZERO_ID } from "../../../src/domain/git/git-id.js";
import { readRefs } from "../../../src/repository/refs/refs-state.js";
import { buildTreeEntry, Clone } from "../../repository/real-git.js";
import { code, executeTestJob, LIMITS, openStage, PROJECT, type Stage, TENANT, value } from "./stage.js";

/** Each of these leaves the refs as they were. */
describe("a push is denied, and nothing moves,", () => {
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

  it("when the project is unknown", () =>
    expectDenied("project_unknown", "P.none", () => stage.push(bundle, { branch: "feature/x", project_id: "P.none" })));

  it("when nothing is staged", () =>
    expectDenied("staged_bytes_missing", "PUT /v1/staging", () =>
      executeTestJob(stage.buildContext(), "git.registry.push", { ...params, subject_hash: hashBlake3Hex(Buffer.from("never staged")) }),
    ));

  it("when the inline bytes have another hash", () =>
    expectDenied("subject_hash_mismatch", "BLAKE3", () =>
      stage.push(bundle, { branch: "feature/x", patch: Buffer.from("other").toString("base64") }),
    ));

  it("when the staged bytes have another hash than their key says", async () => {
    const hash = "f".repeat(64);
    await stage.store.blobs.create(`staging/${TENANT}/${hash}`, bundle);
    await expectDenied("subject_hash_mismatch", "BLAKE3", () =>
      executeTestJob(stage.buildContext(), "git.registry.push", { ...params, subject_hash: hash }),
    );
  });

  it("when the bytes are too many", () =>
    expectDenied("limit_exceeded", "allowed", () =>
      stage.push(bundle, { branch: "feature/x" }, { limits: { ...LIMITS, stagedMaxBytes: 10 } }),
    ));

  it("when the branch is not where the push expects it", () =>
    expectDenied("ref_moved", new RegExp(`${base}.*${ZERO_ID}`), () => stage.push(bundle, { branch: "feature/a" })));

  it("when it changes nothing", () =>
    expectDenied("nothing_to_do", base, () => stage.push(bundle, { branch: "feature/a", expected_old: base })));

  it.each(["feature/a/b", "feature"])("when the branch would be %s beside feature/a", (branch) =>
    expectDenied("ref_conflict", "refs/heads/feature/a", () => stage.push(bundle, { branch })),
  );

  it("when the branch to delete does not exist", () =>
    expectDenied("ref_missing", "feature/none", () => stage.push(undefined, { branch: "feature/none", delete: true })));

  it("when a deletion comes with bytes", () =>
    expectDenied("subject_hash_mismatch", "no bytes", () => stage.push(bundle, { branch: "feature/a", expected_old: base, delete: true })));

  it("when the bundle builds on a commit that is not there", async () => {
    const other = new Clone();
    const first = other.commit("b", "1");
    other.commit("b", "2");
    await expectDenied("prerequisite_missing", first, () => stage.push(other.bundle("main", [first]), { branch: "feature/x" }));
  });

  it.each([
    ["is cut in its header", () => bundle.subarray(0, 30)],
    ["is cut in its pack", () => bundle.subarray(0, bundle.length - 30)],
    ["is only a header", () => bundle.subarray(0, bundle.indexOf("\n\n") + 2)],
    ["has damaged bytes", () => Buffer.concat([bundle.subarray(0, -40), Buffer.alloc(40, 7)])],
    ["has no tip", () => Buffer.from("# v2 git bundle\n\nPACK\0\0\0\x02\0\0\0\0")],
    ["is of another version", () => Buffer.from(bundle.toString("latin1").replace("# v2", "# v9"), "latin1")],
    ["is of SHA-256 objects", () => Buffer.from(`# v3 git bundle\n@object-format=sha256\n${"a".repeat(64)} refs/heads/x\n\nPACK`)],
    ["leaves objects out by a filter", () => Buffer.from(`# v3 git bundle\n@filter=blob:none\n${base} refs/heads/x\n\nPACK`)],
    ["points to a blob", () => clone.wrap(clone.readHead("HEAD:a.txt"), clone.pack([clone.readHead("HEAD:a.txt")]))],
    ["has a tip that it does not bring", () => clone.wrap("1".repeat(40), clone.pack([clone.readHead("HEAD:a.txt")]))],
    ["is no bundle at all", () => Buffer.from("hello")],
    ["is empty", () => Buffer.alloc(0)],
  ])("when the bundle %s", (_, make) => expectDenied("bundle_invalid", /./, () => stage.push(make(), { branch: "feature/x" })));

  it("when the bundle has two tips", () => {
    clone.git("branch", "-f", "second", "main");
    const path = `${clone.folder}/two.bundle`;
    clone.git("bundle", "create", path, "main", "second");
    return expectDenied("bundle_invalid", "2 tips", () =>
      stage.push(clone.run(["cat-file", "blob", clone.git("hash-object", "-w", path)]), { branch: "feature/x" }),
    );
  });

  it("when the bundle brings an annotated tag instead of a branch", () => {
    clone.git("tag", "-a", "v9", "-m", "nine");
    return expectDenied("bundle_invalid", "is a tag", () => stage.push(clone.bundle("v9"), { branch: "feature/x" }));
  });

  describe("when the pack is hostile:", () => {
    const evil = new Clone();
    const blob = evil.writeObject("blob", Buffer.from("evil"));
    const ofTree = (entries: Buffer) => {
      const tree = evil.writeObject("tree", entries);
      return { tree, commit: evil.commitTree(tree) };
    };
    const pushed = (tip: string, ids: readonly string[], limits = {}) =>
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
      const { tree, commit } = ofTree(buildTreeEntry("100644", name, blob));
      await expectDenied("objects_invalid", /fsck|[0-9a-f]{40}/, () => pushed(commit, [commit, tree, blob]));
    });

    it("a blob that is missing", async () => {
      const { tree, commit } = ofTree(buildTreeEntry("100644", "a", evil.writeObject("blob", Buffer.from("kept back"))));
      await expectDenied("objects_invalid", "needed", () => pushed(commit, [commit, tree]));
    });

    it("a parent that is missing", async () => {
      const { tree, commit } = ofTree(buildTreeEntry("100644", "a", blob));
      const child = evil.commitTree(tree, [commit]);
      await expectDenied("objects_invalid", commit, () => pushed(child, [child, tree, blob]));
    });

    it("a tree that stands where a blob should", async () => {
      const inner = evil.writeObject("tree", buildTreeEntry("100644", "x", blob));
      const { tree, commit } = ofTree(buildTreeEntry("100644", "a", inner));
      await expectDenied("objects_invalid", /./, () => pushed(commit, [commit, tree, inner, blob]));
    });

    it("a commit that is none", async () => {
      const commit = evil.writeObject("commit", Buffer.from("hello"));
      await expectDenied("objects_invalid", /./, () => pushed(commit, [commit]));
    });

    it("more objects than allowed", async () => {
      const { tree, commit } = ofTree(buildTreeEntry("100644", "a", blob));
      await expectDenied("limit_exceeded", "3 objects", () => pushed(commit, [commit, tree, blob], { objectsMaxCount: 2 }));
    });

    it("a count of objects that nobody could hold", async () => {
      const pack = Buffer.concat([Buffer.from("PACK\0\0\0\x02"), Buffer.from([0xff, 0xff, 0xff, 0xff])]);
      await expectDenied("limit_exceeded", "4294967295", () => stage.push(evil.wrap("1".repeat(40), pack), { branch: "feature/evil" }));
    });

    it("a larger blob than allowed, and a larger pack", async () => {
      const large = evil.writeObject("blob", Buffer.alloc(200_000, "a"));
      const { tree, commit } = ofTree(buildTreeEntry("100644", "a", large));
      await expectDenied("limit_exceeded", large, () => pushed(commit, [commit, tree, large], { blobMaxBytes: 199_999 }));
      await expectDenied("limit_exceeded", "pack", () => pushed(commit, [commit, tree, large], { packMaxBytes: 100 }));
    });

    it.each(sizes)("a blob that unfolds beyond the limit, in a %s pack", async (_, more) => {
      const unfolding = evil.writeObject("blob", Buffer.alloc(1_300_001, "z"));
      const { tree, commit } = ofTree(buildTreeEntry("100644", "a", unfolding));
      await expectDenied("limit_exceeded", unfolding, () =>
        pushed(commit, [commit, tree, unfolding, ...more], { blobMaxBytes: 1_300_000 }),
      );
    });

    it.each(sizes)("a path that is too long, of folders that are each allowed, in a %s pack", async (_, more) => {
      const { tree, ids } = createTreeChain("d".repeat(50), 10);
      const commit = evil.commitTree(tree);
      await expectDenied("limit_exceeded", "path of 514 bytes", () => pushed(commit, [commit, ...ids, ...more], { pathMaxBytes: 513 }));
    });

    it.each(sizes)("a path that becomes too long because known folders move below others, in a %s pack", async (size, more) => {
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

    it("a commit with too long a path that an earlier pack had brought unseen, as the tip or below it", async () => {
      const { tree, ids } = createTreeChain("u".repeat(50), 7);
      const unseen = evil.commitTree(tree);
      const harmless = ofTree(buildTreeEntry("100644", "harmless", blob));
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

    it("a few trees that stand for more files than anybody can walk", async () => {
      let tree = evil.writeObject("tree", buildTreeEntry("100644", "f", blob));
      const ids = [blob, tree];
      for (let depth = 0; depth < 12; depth++) {
        const entries = Array.from({ length: 10 }, (_, n) => buildTreeEntry("40000", `d${n}`, tree));
        tree = evil.writeObject("tree", Buffer.concat(entries));
        ids.push(tree);
      }
      const commit = evil.commitTree(tree);
      await expectDenied("limit_exceeded", "paths", () => pushed(commit, [commit, ...ids]));
      await expectDenied("limit_exceeded", "more paths than", () => pushed(commit, [commit, ...ids, ballast]));
    });
  });
});
