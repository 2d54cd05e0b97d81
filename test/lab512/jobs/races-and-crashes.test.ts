import { execFileSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { EMPTY_PATCH_HASH, type PushParams } from "../../../src/domain/act/job.js";
import { ZERO_ID } from "../../../src/domain/git/git-id.js";
import { ACT_REFS } from "../../../src/domain/git/ref-name.js";
import type { JobStep } from "../../../src/lab512/jobs/job.js";
import { readRefs } from "../../../src/repository/refs/refs-state.js";
import { Repositories } from "../../../src/repository/repositories.js";
import { Clone } from "../../repository/real-git.js";
import {
  BACKENDS,
  code,
  copyPrefix,
  dieAfterStep,
  executeTestJob,
  openStage,
  PROJECT,
  type Stage,
  storeReceipt,
  TENANT,
  value,
} from "./stage.js";
import { createForgetfulStore } from "./unreliable-store.js";

describe.each(BACKENDS)("acts on the %s store", (backend) => {
  let stage: Stage;
  let other: Repositories;
  const clone = new Clone();
  const base = clone.commit("a", "base");
  const baseBundle = clone.bundle("main");
  beforeAll(async () => {
    stage = await openStage(backend);
    other = new Repositories(join(stage.folder, "other-runner"));
    await stage.init();
    value(await stage.push(baseBundle, { branch: "feature/base" }));
  });
  afterAll(async () => {
    await other.close();
    await stage.close();
  });

  const listRefs = async () => (await readRefs(stage.store, { tenant_id: TENANT, project_id: PROJECT }))?.refs;
  const buildParams = async (bytes: Uint8Array, branch: string, expected_old = ZERO_ID): Promise<PushParams> => ({
    project_id: PROJECT,
    branch,
    expected_old,
    commit_summary: "x",
    subject_hash: await stage.stage(bytes),
  });
  const push = (what: PushParams, jti?: string, changes = {}) =>
    executeTestJob(stage.buildContext(changes), "git.registry.push", what, jti);
  function commitNext(text: string) {
    clone.git("checkout", "-q", "--detach", base);
    const commit = clone.commit("a", text);
    clone.git("branch", "-f", "next", commit);
    return { commit, bundle: clone.bundle("next", [base]) };
  }

  it("let one of several pushes that race for a branch win and deny the others, also between two Runners", async () => {
    value(await push(await buildParams(baseBundle, "feature/race")));
    const racers = ["1", "2", "3", "4", "5", "6"].map((text) => commitNext(text));
    const paramsOfRacers = await Promise.all(racers.map(({ bundle }) => buildParams(bundle, "feature/race", base)));
    const outcomes = await Promise.all(
      paramsOfRacers.map((what, at) => push(what, undefined, at % 2 === 0 ? {} : { repositories: other })),
    );
    const codes = outcomes.map(code);
    expect(codes.filter((each) => each === "granted")).toHaveLength(1);
    expect(codes.filter((each) => each === "ref_moved")).toHaveLength(5);
    expect((await listRefs())?.get("refs/heads/feature/race")?.id).toBe(racers[codes.indexOf("granted")]?.commit);
  });

  it("all succeed when they push to different branches at once, also between two Runners", async () => {
    const racers = Array.from({ length: 8 }, (_, at) => ({ ...commitNext(`different ${at}`), branch: `feature/different-${at}` }));
    const paramsOfRacers = await Promise.all(racers.map(({ bundle, branch }) => buildParams(bundle, branch)));
    const outcomes = await Promise.all(
      paramsOfRacers.map((what, at) => push(what, undefined, at % 2 === 0 ? {} : { repositories: other })),
    );
    expect(outcomes.map(code)).toEqual(racers.map(() => "granted"));
    const after = await listRefs();
    for (const { branch, commit } of racers) expect(after?.get(`refs/heads/${branch}`)?.id).toBe(commit);
  });

  it("let one of two pushes win when one branch name is a directory of the other", async () => {
    const one = await buildParams(baseBundle, "feature/dir");
    const two = await buildParams(baseBundle, "feature/dir/file");
    const codes = (await Promise.all([push(one), push(two, undefined, { repositories: other })])).map(code).sort();
    expect(codes).toEqual(["granted", "ref_conflict"]);
  });

  it("let one of two pushes win when nobody could tell their branch names apart", async () => {
    for (const names of [
      ["feature/Case", "feature/case"],
      ["feature/caf\u00e9/a", "feature/cafe\u0301/b"],
    ] as const) {
      const [one, two] = await Promise.all(names.map((name) => buildParams(baseBundle, name)));
      const codes = (await Promise.all([push(one as PushParams), push(two as PushParams, undefined, { repositories: other })])).map(code);
      expect(codes.sort()).toEqual(["granted", "ref_conflict"]);
    }
  });

  it("let one of two registrations win when their ids differ only in case, and name the winner", async () => {
    const register = (project_id: string, changes = {}) =>
      executeTestJob(
        stage.buildContext(changes),
        "git.registry.init",
        { project_id, name: "Twin", owners: ["office::default"], visibility: "internal" },
        randomUUID(),
      );
    const outcomes = await Promise.all([register("P.Twin"), register("P.twin", { repositories: other })]);
    expect(outcomes.map(code).sort()).toEqual(["granted", "project_exists"]);
    const held = outcomes.find(({ ok }) => !ok);
    const winner = outcomes[0]?.ok ? "P.Twin" : "P.twin";
    expect(held).toMatchObject({ denial: { message: expect.stringContaining(`${winner} is already registered`) } });
    expect(code(await register("P.TWIN"))).toBe("project_exists");
  });

  it.each<JobStep>(["fetched", "checked", "stored", "moved"])(
    "return one result when they are retried after their Runner died after %s",
    async (step) => {
      const { commit, bundle } = commitNext(`crash ${step}`);
      const what = await buildParams(bundle, `feature/crash-${step}`);
      const jti = randomUUID();
      await expect(push(what, jti, dieAfterStep(step))).rejects.toThrow(`died after ${step}`);
      const effects = value(await push(what, jti, { repositories: other }));
      expect(effects.refs).toEqual([{ name: `refs/heads/feature/crash-${step}`, old: ZERO_ID, new: commit }]);
      expect(value(await push(what, jti)).refs).toEqual(effects.refs);
      expect((await listRefs())?.get(`refs/heads/feature/crash-${step}`)?.id).toBe(commit);
      expect([...((await listRefs())?.keys() ?? [])].filter((name) => name === `${ACT_REFS}${jti}`)).toHaveLength(1);
    },
  );

  it("return the same effects on a retry when their Runner died after it moved the refs, even if the branch has moved since", async () => {
    const { commit, bundle } = commitNext("moved on");
    const what = await buildParams(bundle, "feature/moved-on");
    const jti = randomUUID();
    await expect(push(what, jti, dieAfterStep("moved"))).rejects.toThrow("died");
    const record = await listRefs();
    const effects = value(await push(what, jti));
    value(await push({ ...(await buildParams(new Uint8Array(0), "feature/moved-on", commit)), delete: true }));
    expect(value(await push(what, jti))).toEqual(effects);
    expect(effects.refs).toEqual([{ name: "refs/heads/feature/moved-on", old: ZERO_ID, new: commit }]);
    expect((await listRefs())?.has("refs/heads/feature/moved-on")).toBe(false);
    expect(record?.get(`${ACT_REFS}${jti}`)?.id).toBe(commit);
  });

  it("report the deletion of a branch on a retry although the branch exists again", async () => {
    value(await push(await buildParams(baseBundle, "feature/gone")));
    const what = { ...(await buildParams(new Uint8Array(0), "feature/gone", base)), subject_hash: EMPTY_PATCH_HASH, delete: true };
    const jti = randomUUID();
    await expect(push(what, jti, dieAfterStep("moved"))).rejects.toThrow("died");
    value(await push(await buildParams(baseBundle, "feature/gone")));
    expect(value(await push(what, jti)).refs).toEqual([{ name: "refs/heads/feature/gone", old: base, new: ZERO_ID }]);
    expect((await listRefs())?.get("refs/heads/feature/gone")?.id).toBe(base);
  });

  it("succeed when the response to a conditional write that took effect is lost", async () => {
    const { commit, bundle } = commitNext("answer lost");
    const what = await buildParams(bundle, "feature/lost");
    const effects = value(await push(what, undefined, { store: createForgetfulStore(stage.store, /packed-refs$/, 1) }));
    expect(effects.refs[0]?.new).toBe(commit);
    expect((await listRefs())?.get("refs/heads/feature/lost")?.id).toBe(commit);
  });

  it("succeed when the response to an upload that took effect is lost", async () => {
    const { commit, bundle } = commitNext("upload lost");
    const what = await buildParams(bundle, "feature/upload");
    const effects = value(await push(what, undefined, { store: createForgetfulStore(stage.store, /\.(pack|idx)$/, 2) }));
    expect(effects.refs[0]?.new).toBe(commit);
  });

  it("move no ref after they are cancelled", async () => {
    const { bundle } = commitNext("over");
    const controller = new AbortController();
    const what = await buildParams(bundle, "feature/over");
    const completeStep = async (name: JobStep) => {
      if (name === "stored") controller.abort();
    };
    await expect(push(what, undefined, { signal: controller.signal, completeStep })).rejects.toThrow();
    expect((await listRefs())?.has("refs/heads/feature/over")).toBe(false);
  });

  it("leave records that later acts remove only once a receipt exists", async () => {
    const before = [...((await listRefs())?.keys() ?? [])].filter((name) => name.startsWith(ACT_REFS));
    const kept = before[0]?.slice(ACT_REFS.length) ?? "";
    for (const name of before.slice(1)) await storeReceipt(stage.store, name.slice(ACT_REFS.length));
    for (let round = 0; round < before.length; round++) {
      const jti = randomUUID();
      value(await push(await buildParams(baseBundle, `feature/prune-${round}`), jti));
      await storeReceipt(stage.store, jti);
    }
    const after = [...((await listRefs())?.keys() ?? [])]
      .filter((name) => name.startsWith(ACT_REFS))
      .map((name) => name.slice(ACT_REFS.length));
    expect(after).toContain(kept);
    expect(after.length).toBeLessThan(before.length);
  });

  it("leave a repository that passes git fsck and that stock git clones with every ref", async () => {
    const copy = await copyPrefix(stage);
    execFileSync("git", ["--git-dir", copy, "fsck", "--strict"], { stdio: "pipe" });
    const target = join(stage.folder, "clone");
    execFileSync("git", ["clone", "-q", "--mirror", copy, target], { stdio: "pipe" });
    const cloned = execFileSync("git", ["--git-dir", target, "for-each-ref", "--format=%(refname) %(objectname)"])
      .toString()
      .trim()
      .split("\n");
    const visible = [...((await listRefs()) ?? [])]
      .filter(([name]) => !name.startsWith("refs/ubl/"))
      .map(([name, { id }]) => `${name} ${id}`);
    expect(cloned).toEqual(visible);
  });
});
