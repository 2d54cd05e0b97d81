import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Job } from "../../../src/domain/act/job.js";
import type { CommandEnvelope } from "../../../src/domain/permit/envelope.js";
import { toStagingKey } from "../../../src/domain/storage-key.js";
import type { RunnerDependencies } from "../../../src/lab512/runner/dependencies.js";
import { Clone } from "../../repository/real-git.js";
import {
  approvedScopes,
  command,
  initJob,
  MAX_RUN_MS,
  PROJECT,
  pushJob,
  receiptOf,
  register,
  run,
  storedReceipt,
  tagJob,
  tipOf,
} from "./commands.js";
import { hookedStore, type Operation, once } from "./store-hooks.js";
import { contents, openWorld, TENANT, type World } from "./world.js";

describe("the bound on the work after the claim", () => {
  let world: World;
  let deps: RunnerDependencies;
  let clone: Clone;
  let tip: string;

  beforeAll(async () => {
    world = await openWorld();
    deps = await world.runner();
    await register(world, deps);
    clone = new Clone();
    tip = clone.commit("a.txt", "one\n");
  });
  afterAll(() => world.close());

  const packedRefs = `repos/${TENANT}/${PROJECT}.git/packed-refs`;
  const push = async (branch: string) => command(world, { job: await pushJob(world, clone.bundle("main"), { branch }) });
  /** Runs a command whose time is up at the given moment. */
  const runOutAt = async (when: "before" | "after", matches: (operation: Operation, key: string) => boolean, envelope: CommandEnvelope) => {
    const late = once(when, matches, () => {
      world.clock.offset_ms += MAX_RUN_MS;
    });
    try {
      const receipt = await receiptOf(run({ ...deps, store: hookedStore(world.store, late) }, envelope));
      expect(late.happened()).toBe(true);
      return receipt;
    } finally {
      world.clock.offset_ms = 0;
    }
  };
  const retryLate = async (envelope: CommandEnvelope, runner?: RunnerDependencies) => {
    world.clock.offset_ms += MAX_RUN_MS;
    try {
      return await receiptOf(run(runner ?? (await world.runner()), envelope, { attempt: 2 }));
    } finally {
      world.clock.offset_ms = 0;
    }
  };
  const dieAfter = async (step: string, envelope: CommandEnvelope) => {
    const onStep = (_: string, done: string) => {
      if (done === step) throw new Error("died");
    };
    await expect(run(await world.runner({ onStep }), envelope)).rejects.toThrow("died");
  };
  const approved = async (job: Job) => command(world, { job, scopes: await approvedScopes(deps, job) });

  it("ends an act that has moved nothing in an error", async () => {
    const envelope = await push("feature/slow");
    const { params } = envelope;
    const hash = "subject_hash" in params ? params.subject_hash : "";
    const before = await contents(world.store, ["claims", "receipts", "artifacts"]);
    const receipt = await runOutAt("after", (_, key) => key === toStagingKey(TENANT, hash), envelope);
    expect(receipt).toMatchObject({ status: "error", code: "run_time_exceeded", refs: [], artifacts: [] });
    expect(await contents(world.store, ["claims", "receipts", "artifacts"])).toEqual(before);
    expect(await storedReceipt(world, envelope.jti)).toEqual(receipt);
  });

  it("is a success once the refs have moved, however late", async () => {
    const envelope = await push("feature/just");
    const receipt = await runOutAt("after", (operation, key) => operation === "swap" && key === packedRefs, envelope);
    expect(receipt).toMatchObject({ status: "success", refs: [{ new: tip }] });
    expect(await tipOf(world, "feature/just")).toBe(tip);
  });

  it("stops what really takes too long, by the clock on the wall", async () => {
    const job = await pushJob(world, clone.bundle("main"), { branch: "feature/brief" });
    const envelope = command(world, { job, permit: { max_run_ms: 1 } });
    expect(await receiptOf(run(deps, envelope))).toMatchObject({ status: "error", code: "run_time_exceeded" });
    expect(await tipOf(world, "feature/brief")).toBeUndefined();
  });

  it.each(["claimed", "fetched", "checked", "stored"])("ends a retry that comes too late after `%s` in an error", async (step) => {
    const envelope = await push(`feature/too-late-${step}`);
    await dieAfter(step, envelope);
    expect(await retryLate(envelope)).toMatchObject({ status: "error", code: "run_time_exceeded", refs: [] });
    expect(await tipOf(world, `feature/too-late-${step}`)).toBeUndefined();
  });

  it("lets a retry that comes too late find out that the refs had moved", async () => {
    const envelope = await push("feature/had-moved");
    await dieAfter("moved", envelope);
    expect(await retryLate(envelope)).toMatchObject({ status: "success", refs: [{ new: tip }] });
  });

  it("lets a Runner that remembers the project from before find it out too", async () => {
    const envelope = await push("feature/had-moved-elsewhere");
    await dieAfter("moved", envelope);
    // This one has pushed before, and has not looked since.
    expect(await retryLate(envelope, deps)).toMatchObject({ status: "success", refs: [{ new: tip }] });
  });

  it("lets a retry that comes too late find out that the tag was made", async () => {
    const envelope = await approved(tagJob({ commit: tip }));
    await dieAfter("moved", envelope);
    expect(await retryLate(envelope)).toMatchObject({ status: "success", refs: [{ name: "refs/tags/v1.0.0" }] });
  });

  it.each(["stored", "moved"])("lets a retry that comes too late finish a registration that died after `%s`", async (step) => {
    const project = `P.late-${step}`;
    const envelope = await approved(initJob(project));
    await dieAfter(step, envelope);
    const receipt = await retryLate(envelope);
    expect(receipt.status, receipt.error).toBe("success");
    const job = await pushJob(world, clone.bundle("main"), { branch: "feature/x", project_id: project });
    expect((await receiptOf(run(deps, command(world, { job })))).status).toBe("success");
  });
});
