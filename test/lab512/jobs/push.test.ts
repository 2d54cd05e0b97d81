import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtempSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ZERO_ID } from "../../../src/domain/git/git-id.js";
import { readRefs } from "../../../src/repository/refs/refs-state.js";
import { Clone } from "../../repository/real-git.js";
import { copyPrefix, executeTestJob, LIMITS, MAIN_BACKEND, openStage, PROJECT, type Stage, TENANT, value } from "./stage.js";

describe("a push to a repository", () => {
  let stage: Stage;
  beforeAll(async () => {
    stage = await openStage(MAIN_BACKEND);
    await stage.init();
  });
  afterAll(() => stage.close());
  const readRef = async (branch: string) =>
    (await readRefs(stage.store, { tenant_id: TENANT, project_id: PROJECT }))?.refs.get(`refs/heads/${branch}`)?.id;

  it("starts from a registered, empty project that stock git can fsck and clone", async () => {
    const copy = await copyPrefix(stage);
    execFileSync("git", ["--git-dir", copy, "fsck", "--strict"], { stdio: "pipe" });
    execFileSync("git", ["clone", "-q", copy, mkdtempSync(join(stage.folder, "clone-"))], { stdio: "pipe" });
  });

  it("stores the commits of a bundle, then those of a thin version 3 bundle on top of them", async () => {
    const clone = new Clone();
    const first = clone.commit("a.txt", "one\n".repeat(200));
    const effects = value(await stage.push(clone.bundle("main"), { branch: "feature/bundle" }));
    expect(effects.refs).toEqual([{ name: "refs/heads/feature/bundle", old: ZERO_ID, new: first }]);
    expect(effects.artifacts).toEqual([{ branch: "feature/bundle", commit: first, brought: [first] }]);
    expect(effects.commit).toBe(first);
    expect(effects.stored_bytes).toBeGreaterThan(0);
    const second = clone.commit("a.txt", `${"one\n".repeat(200)}two\n`);
    value(await stage.push(clone.bundle("main", [first], 3), { branch: "feature/bundle", expected_old: first }));
    expect(await readRef("feature/bundle")).toBe(second);
  });

  it("stores a history with merges so that a copy of the prefix is a repository with every commit", async () => {
    const clone = new Clone();
    clone.commit("base.txt", "base");
    for (let round = 0; round < 5; round++) {
      clone.git("checkout", "-q", "-b", `side-${round}`);
      clone.commit(`side/${round}.txt`, `side ${round}`);
      clone.git("checkout", "-q", "main");
      clone.commit(`trunk/${round}.txt`, `main ${round}`);
      clone.git("merge", "-q", "--no-ff", "-m", `merge ${round}`, `side-${round}`);
    }
    value(await stage.push(clone.bundle("main"), { branch: "feature/merges" }));
    const copy = await copyPrefix(stage);
    execFileSync("git", ["--git-dir", copy, "fsck", "--strict"], { stdio: "pipe" });
    const target = mkdtempSync(join(stage.folder, "clone-"));
    execFileSync("git", ["clone", "-q", "-b", "feature/merges", copy, target], { stdio: "pipe" });
    const commits = execFileSync("git", ["-C", target, "rev-list", "HEAD"]).toString();
    expect(commits.trim()).toBe(clone.git("rev-list", "main"));
    expect(execFileSync("git", ["ls-remote", copy]).toString()).not.toContain("refs/ubl");
  });

  it("stores a bundle that is too large for memory through a file", async () => {
    const clone = new Clone();
    const tip = clone.commit("large.bin", randomBytes(5 * 1024 * 1024));
    const effects = value(await stage.push(clone.bundle("main"), { branch: "feature/large" }));
    expect(effects.staged_bytes).toBeGreaterThan(5 * 1024 * 1024);
    expect(await readRef("feature/large")).toBe(tip);
  });

  it("accepts inline bytes", async () => {
    const clone = new Clone();
    const tip = clone.commit("inline.txt", "inline");
    const bundle = clone.bundle("main");
    value(await stage.push(bundle, { branch: "feature/inline", patch: bundle.toString("base64") }));
    expect(await readRef("feature/inline")).toBe(tip);
  });

  it("creates a branch at a commit that is already stored, and stores no object twice", async () => {
    const clone = new Clone();
    const tip = clone.commit("shared.txt", "shared");
    const bundle = clone.bundle("main");
    value(await stage.push(bundle, { branch: "feature/shared" }));
    const again = value(await stage.push(bundle, { branch: "review/shared" }));
    expect(again.stored_bytes).toBe(0);
    expect(await readRef("review/shared")).toBe(tip);
  });

  it("rewrites a branch only with force, and can delete it", async () => {
    const clone = new Clone();
    const base = clone.commit("a", "1");
    const old = clone.commit("a", "2");
    value(await stage.push(clone.bundle("main"), { branch: "feature/force" }));
    clone.git("reset", "-q", "--hard", base);
    const rewritten = clone.commit("a", "3");
    const bundle = clone.bundle("main", [base]);
    const refused = await stage.push(bundle, { branch: "feature/force", expected_old: old });
    expect(refused).toMatchObject({ ok: false, denial: { code: "not_fast_forward" } });
    value(await stage.push(bundle, { branch: "feature/force", expected_old: old, force: true }));
    expect(await readRef("feature/force")).toBe(rewritten);
    const deleted = value(await stage.push(undefined, { branch: "feature/force", expected_old: rewritten, delete: true }));
    expect(deleted.refs).toEqual([{ name: "refs/heads/feature/force", old: rewritten, new: ZERO_ID }]);
    expect(deleted.commit).toBeNull();
    expect(await readRef("feature/force")).toBeUndefined();
  });

  it("recognises a fast-forward whose commits were stored by an earlier push", async () => {
    const clone = new Clone();
    const base = clone.commit("a", "1");
    const next = clone.commit("a", "2");
    value(await stage.push(clone.bundle("main"), { branch: "feature/ahead" }));
    clone.git("branch", "behind", base);
    value(await stage.push(clone.bundle("behind"), { branch: "feature/behind" }));
    const further = clone.commit("a", "3");
    value(await stage.push(clone.bundle("main", [next]), { branch: "feature/behind", expected_old: base }));
    expect(await readRef("feature/behind")).toBe(further);
  });

  it("leaves nothing of the act in the work folder", async () => {
    const clone = new Clone();
    clone.commit("a", "tidy");
    const bundle = clone.bundle("main");
    await executeTestJob(stage.buildContext({ limits: { ...LIMITS, objectsMaxCount: 1 } }), "git.registry.push", {
      project_id: PROJECT,
      branch: "feature/tidy",
      expected_old: ZERO_ID,
      commit_summary: "x",
      subject_hash: await stage.stage(bundle),
    });
    await stage.repositories.close();
    const left = execFileSync("find", [join(stage.repositories.scope.root, "scratch"), "-mindepth", "1"]).toString();
    expect(left).toBe("");
  });
});
