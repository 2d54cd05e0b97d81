import { execFileSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ResetParams, TagReleaseParams } from "../../src/domain/act/job.js";
import { ZERO_ID } from "../../src/domain/git/git-id.js";
import { hashRefs } from "../../src/domain/git/refs-digest.js";
import { toReleaseManifestKey, toResetRefsKey } from "../../src/domain/storage-key.js";
import type { JobStep } from "../../src/lab512/jobs/job.js";
import { listVisibleRefs, readRefs } from "../../src/repository/refs/refs-state.js";
import {
  code,
  copyPrefix,
  deriveTestJob,
  dieAfterStep,
  executeTestJob,
  MAIN_BACKEND,
  openStage,
  planTestJob,
  type Stage,
  TENANT,
  value,
} from "../lab512/jobs/stage.js";
import { createForgetfulStore } from "../lab512/jobs/unreliable-store.js";
import { Clone, createTemporaryFolder } from "../repository/real-git.js";

describe("a reset", () => {
  let stage: Stage;
  beforeAll(async () => {
    stage = await openStage(MAIN_BACKEND);
  });
  afterAll(() => stage.close());

  const listRefs = async (project_id: string) => {
    const state = await readRefs(stage.store, { tenant_id: TENANT, project_id });
    return listVisibleRefs(state?.refs ?? new Map()).map(([name, { id }]) => [name, id] as const);
  };
  const buildReset = async (project_id: string): Promise<ResetParams> => ({
    project_id,
    expected_refs: hashRefs(await listRefs(project_id)),
  });
  const reset = (params: ResetParams, jti?: string, changes = {}) =>
    executeTestJob(stage.buildContext(changes), "git.registry.reset", params, jti);

  /** Creates a project with two branches and a released tag. */
  async function createFilledProject(project_id: string) {
    await stage.init(project_id);
    const clone = new Clone();
    const commit = clone.commit("a.txt", "a\n");
    const bundle = clone.bundle("main");
    for (const branch of ["main", "feature/a"]) value(await stage.push(bundle, { project_id, branch }));
    const tag: TagReleaseParams = { project_id, tag: "v1.0.0", commit, notes: "One\n" };
    const jti = randomUUID();
    const effects = value(await executeTestJob(stage.buildContext(), "git.registry.tag_release", tag, jti));
    await deriveTestJob(stage.buildContext(), "git.registry.tag_release", tag, effects, jti);
    return { clone, commit, bundle, tag };
  }

  it("lists every ref that it deletes, and deletes all of them at once", async () => {
    const { commit } = await createFilledProject("P.sandbox");
    const before = await listRefs("P.sandbox");
    const params = await buildReset("P.sandbox");
    const gone = before.map(([name, old]) => ({ name, old, new: ZERO_ID }));
    expect(gone.map(({ name }) => name)).toEqual(["refs/heads/feature/a", "refs/heads/main", "refs/tags/v1.0.0"]);
    expect(value(await planTestJob(stage.buildContext(), "git.registry.reset", params)).basis).toMatchObject({
      refs: gone,
      creates: [],
      params,
    });
    const jti = randomUUID();
    const effects = value(await reset(params, jti));
    expect(effects).toMatchObject({ refs: gone, artifacts: [{ deleted_refs: 3, key: toResetRefsKey(TENANT, "P.sandbox", jti) }] });
    expect(await listRefs("P.sandbox")).toEqual([]);
    const kept = await stage.store.blobs.get(toResetRefsKey(TENANT, "P.sandbox", jti));
    expect(JSON.parse(Buffer.from(kept ?? []).toString("utf8"))).toEqual(Object.fromEntries(before));
    expect(before).toContainEqual(["refs/heads/main", commit]);
  });

  it("leaves a repository that is empty for stock git", async () => {
    await createFilledProject("P.mirrored");
    value(await reset(await buildReset("P.mirrored")));
    const mirror = await copyPrefix(stage, "P.mirrored");
    execFileSync("git", ["fsck", "--strict"], { cwd: mirror, stdio: "pipe" });
    const folder = createTemporaryFolder("ogr-empty-");
    execFileSync("git", ["clone", "-q", mirror, folder], { stdio: "pipe" });
    expect(execFileSync("git", ["for-each-ref"], { cwd: folder }).toString()).toBe("");
    expect(execFileSync("git", ["symbolic-ref", "HEAD"], { cwd: folder }).toString().trim()).toBe("refs/heads/main");
  });

  it("leaves a project that accepts pushes", async () => {
    const { bundle, commit } = await createFilledProject("P.again");
    value(await reset(await buildReset("P.again")));
    value(await stage.push(bundle, { project_id: "P.again", branch: "main" }));
    expect(await listRefs("P.again")).toEqual([["refs/heads/main", commit]]);
  });

  it("keeps a release's manifest, and the tag cannot be reused for another commit", async () => {
    const { bundle, tag, clone } = await createFilledProject("P.released");
    const key = toReleaseManifestKey(TENANT, "P.released", "v1.0.0");
    const manifest = await stage.store.blobs.get(key);
    value(await reset(await buildReset("P.released")));
    const other = clone.commit("b.txt", "b\n");
    value(await stage.push(clone.bundle("main"), { project_id: "P.released", branch: "main" }));
    expect(bundle.length).toBeGreaterThan(0);
    const again = { ...tag, commit: other };
    expect(code(await planTestJob(stage.buildContext(), "git.registry.tag_release", again))).toBe("ref_exists");
    expect(code(await executeTestJob(stage.buildContext(), "git.registry.tag_release", again))).toBe("ref_exists");
    expect(await stage.store.blobs.get(key)).toEqual(manifest);
    expect(code(await executeTestJob(stage.buildContext(), "git.registry.tag_release", { ...again, tag: "v1.0.1" }))).toBe("granted");
  });

  it("is denied if the refs have changed, if there are none, or if the project is unknown", async () => {
    const { bundle } = await createFilledProject("P.moved");
    const params = await buildReset("P.moved");
    value(await stage.push(bundle, { project_id: "P.moved", branch: "feature/late" }));
    expect(code(await planTestJob(stage.buildContext(), "git.registry.reset", params))).toBe("ref_moved");
    expect(code(await reset(params))).toBe("ref_moved");
    expect(await listRefs("P.moved")).toHaveLength(4);
    value(await reset(await buildReset("P.moved")));
    expect(code(await reset(await buildReset("P.moved")))).toBe("nothing_to_do");
    expect(code(await reset({ project_id: "P.nowhere", expected_refs: params.expected_refs }))).toBe("project_unknown");
  });

  it("does not delete a branch that is created between its read and its write", async () => {
    const { bundle } = await createFilledProject("P.race");
    const params = await buildReset("P.race");
    let pushed = false;
    const completeStep = async (name: JobStep) => {
      if (name !== "stored" || pushed) return;
      pushed = true;
      value(await stage.push(bundle, { project_id: "P.race", branch: "feature/quick" }));
    };
    expect(code(await reset(params, undefined, { completeStep }))).toBe("ref_moved");
    expect((await listRefs("P.race")).map(([name]) => name)).toContain("refs/heads/main");
  });

  it.each<JobStep>(["looked", "stored", "moved"])(
    "is done once and returns the same effects on a retry if its Runner died after `%s`",
    async (after) => {
      const project = `P.dies-${after}`;
      await createFilledProject(project);
      const before = await listRefs(project);
      const params = await buildReset(project);
      const jti = randomUUID();
      await expect(reset(params, jti, dieAfterStep(after))).rejects.toThrow(`died after ${after}`);
      const { refs } = value(await reset(params, jti, { isTakenOver: true }));
      expect(refs).toEqual(before.map(([name, old]) => ({ name, old, new: ZERO_ID })));
      expect(await listRefs(project)).toEqual([]);
    },
  );

  it("succeeds when the response to its write is lost", async () => {
    await createFilledProject("P.lost");
    const params = await buildReset("P.lost");
    const store = createForgetfulStore(stage.store, /P\.lost\.git\/packed-refs$/, 1);
    expect(value(await reset(params, undefined, { store })).refs).toHaveLength(3);
    expect(await listRefs("P.lost")).toEqual([]);
  });
});
