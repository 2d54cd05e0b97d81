import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { CommandEnvelope } from "../../../src/domain/permit/envelope.js";
import type { JobStep } from "../../../src/lab512/jobs/job.js";
import type { RunnerDependencies } from "../../../src/lab512/runner/dependencies.js";
import { Clone } from "../../repository/real-git.js";
import { approvedScopes, command, initJob, pushJob, receiptOf, register, run, storedReceipt, tagJob, tipOf } from "./commands.js";
import { BACKENDS, contents, openWorld, TENANT, type World } from "./world.js";

const STEPS: readonly JobStep[] = ["claimed", "looked", "fetched", "checked", "stored", "moved", "logged", "receipted", "derived"];
const BEFORE_THE_RECEIPT: readonly JobStep[] = STEPS.slice(0, STEPS.indexOf("receipted"));

describe.each(BACKENDS)("a retry after a Runner that died, on the %s store", (backend) => {
  let world: World;
  let deps: RunnerDependencies;
  let clone: Clone;
  let first: string;
  let second: string;

  beforeAll(async () => {
    world = await openWorld(backend);
    deps = await world.runner();
    await register(world, deps);
    clone = new Clone();
    first = clone.commit("a.txt", "one\n");
    clone.git("branch", "first");
    second = clone.commit("a.txt", "two\n");
  });
  afterAll(() => world.close());

  /** A Runner that dies right after a step: nothing of its process is used again. */
  const dieAfter = async (step: JobStep, envelope: CommandEnvelope, attempt = 1) => {
    const dying = await world.runner({
      onStep: (_, done) => {
        if (done === step) throw new Error(`died after ${step}`);
      },
    });
    await expect(run(dying, envelope, { attempt })).rejects.toThrow(`died after ${step}`);
  };
  const receiptsOf = async (jti: string) => Object.keys(await contents(world.store)).filter((key) => key === `receipts/${TENANT}/${jti}`);
  const pushFirst = (branch: string) => pushJob(world, clone.bundle("first"), { branch });

  it.each(STEPS)("brings a push that died after `%s` to one receipt and one result", async (step) => {
    const branch = `feature/${step}`;
    const envelope = command(world, { job: await pushFirst(branch) });
    await dieAfter(step, envelope);
    expect((await receiptsOf(envelope.jti)).length).toBe(BEFORE_THE_RECEIPT.includes(step) ? 0 : 1);
    const receipt = await receiptOf(run(await world.runner(), envelope, { attempt: 2 }));
    expect(receipt.status, receipt.error).toBe("success");
    expect(receipt.refs).toEqual([{ name: `refs/heads/${branch}`, old: "0".repeat(40), new: first }]);
    expect(await storedReceipt(world, envelope.jti)).toEqual(receipt);
    expect(await tipOf(world, branch)).toBe(first);
    const index = await world.store.blobs.get(`registry-metadata/${TENANT}/projects/P.demo/index.json`);
    expect(JSON.parse(Buffer.from(index ?? []).toString("utf8")).refs).toContainEqual({ name: `refs/heads/${branch}`, id: first });
    // A third attempt finds everything done and answers the same.
    expect(await receiptOf(run(deps, envelope, { attempt: 3 }))).toEqual(receipt);
  });

  it("survives a death after every step, one after the other", async () => {
    const envelope = command(world, { job: await pushFirst("feature/unlucky") });
    // From `moved` on the earlier steps do not come again.
    for (const [at, step] of STEPS.entries()) await dieAfter(step, envelope, at + 1);
    const receipt = await receiptOf(run(await world.runner(), envelope, { attempt: 20 }));
    expect(receipt.status).toBe("success");
    expect(await tipOf(world, "feature/unlucky")).toBe(first);
  });

  it.each(STEPS)("brings a registration that died after `%s` to one receipt and one project", async (step) => {
    const project = `P.reg-${step}`;
    const job = initJob(project);
    const envelope = command(world, { job, scopes: await approvedScopes(deps, job) });
    await dieAfter(step, envelope);
    const receipt = await receiptOf(run(await world.runner(), envelope, { attempt: 2 }));
    expect(receipt.status, receipt.error).toBe("success");
    expect(await storedReceipt(world, envelope.jti)).toEqual(receipt);
    const pushed = await pushJob(world, clone.bundle("first"), { branch: "feature/x", project_id: project });
    expect((await receiptOf(run(deps, command(world, { job: pushed })))).status).toBe("success");
  });

  it.each(STEPS)("brings a release that died after `%s` to one tag and one manifest", async (step) => {
    const branch = `feature/tagged-${step}`;
    await receiptOf(run(deps, command(world, { job: await pushFirst(branch) })));
    const tag = `v1.0.${STEPS.indexOf(step)}`;
    const job = tagJob({ commit: first, tag });
    const envelope = command(world, { job, scopes: await approvedScopes(deps, job, "L4") });
    await dieAfter(step, envelope);
    const receipt = await receiptOf(run(await world.runner(), envelope, { attempt: 2 }));
    expect(receipt.status, receipt.error).toBe("success");
    const manifest = await world.store.blobs.get(`registry-metadata/${TENANT}/releases/P.demo/${tag}/manifest.json`);
    const kept = JSON.parse(Buffer.from(manifest ?? []).toString("utf8"));
    expect(kept).toMatchObject({ tag, commit: first, tag_object: receipt.refs[0]?.new, receipt });
  });

  it("is a success with its own refs although another push moved them on meanwhile", async () => {
    const branch = "feature/moved-on";
    const envelope = command(world, { job: await pushFirst(branch) });
    await dieAfter("moved", envelope);
    const next = await pushJob(world, clone.bundle("main", [first]), { branch, expected_old: first });
    expect((await receiptOf(run(deps, command(world, { job: next })))).status).toBe("success");
    const receipt = await receiptOf(run(await world.runner(), envelope, { attempt: 2 }));
    expect(receipt).toMatchObject({ status: "success", refs: [{ old: "0".repeat(40), new: first }] });
    expect(receipt.artifacts.map((artifact) => JSON.parse(artifact))).toEqual([{ branch, commit: first }]);
    expect(await tipOf(world, branch)).toBe(second);
  });

  it("is a success although the branch was deleted and made again meanwhile", async () => {
    const branch = "feature/reborn";
    const envelope = command(world, { job: await pushFirst(branch) });
    await dieAfter("moved", envelope);
    const gone = await pushJob(world, new Uint8Array(0), { branch, expected_old: first, delete: true });
    expect((await receiptOf(run(deps, command(world, { job: gone })))).status).toBe("success");
    expect((await receiptOf(run(await world.runner(), envelope, { attempt: 2 }))).status).toBe("success");
    expect(await tipOf(world, branch)).toBeUndefined();
  });
});
