import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Job } from "../../../src/domain/act/job.js";
import type { CommandEnvelope } from "../../../src/domain/permit/envelope.js";
import { toStagingKey } from "../../../src/domain/storage-key.js";
import type { RunnerDependencies } from "../../../src/lab512/runner/dependencies.js";
import { Clone } from "../../repository/real-git.js";
import {
  approveJob,
  buildInitJob,
  buildRunnerCommand,
  buildTagJob,
  MAX_RUN_MS,
  PROJECT,
  readStoredReceipt,
  readTip,
  registerByRunner,
  runEnvelope,
  stagePushJob,
  waitForReceipt,
} from "./commands.js";
import { createHookedStore, hookOnce, type Operation } from "./store-hooks.js";
import { hashContents, openWorld, TENANT, type World } from "./world.js";

describe("the run time limit of a permit", () => {
  let world: World;
  let deps: RunnerDependencies;
  let clone: Clone;
  let tip: string;

  beforeAll(async () => {
    world = await openWorld();
    deps = await world.openRunner();
    await registerByRunner(world, deps);
    clone = new Clone();
    tip = clone.commit("a.txt", "one\n");
  });
  afterAll(() => world.close());

  const packedRefs = `repos/${TENANT}/${PROJECT}.git/packed-refs`;
  const push = async (branch: string) => buildRunnerCommand(world, { job: await stagePushJob(world, clone.bundle("main"), { branch }) });
  /** Runs a command whose run time ends before or after the operation that `matches`. */
  const runOutAt = async (when: "before" | "after", matches: (operation: Operation, key: string) => boolean, envelope: CommandEnvelope) => {
    const late = hookOnce(when, matches, () => {
      world.clock.offsetMs += MAX_RUN_MS;
    });
    try {
      const receipt = await waitForReceipt(runEnvelope({ ...deps, store: createHookedStore(world.store, late) }, envelope));
      expect(late.hasHappened()).toBe(true);
      return receipt;
    } finally {
      world.clock.offsetMs = 0;
    }
  };
  const retryLate = async (envelope: CommandEnvelope, runner?: RunnerDependencies) => {
    world.clock.offsetMs += MAX_RUN_MS;
    try {
      return await waitForReceipt(runEnvelope(runner ?? (await world.openRunner()), envelope, { attempt: 2 }));
    } finally {
      world.clock.offsetMs = 0;
    }
  };
  const dieAfter = async (step: string, envelope: CommandEnvelope) => {
    const onStep = (_: string, done: string) => {
      if (done === step) throw new Error("died");
    };
    await expect(runEnvelope(await world.openRunner({ onStep }), envelope)).rejects.toThrow("died");
  };
  const approveCommand = async (job: Job) => buildRunnerCommand(world, { job, scopes: await approveJob(world, deps, job) });

  it("ends an act that has moved no ref with an error receipt", async () => {
    const envelope = await push("feature/slow");
    const { params } = envelope;
    const hash = "subject_hash" in params ? params.subject_hash : "";
    const written = ["claims", "receipts", "artifacts"] as const;
    const before = await hashContents(world.store, [...written, "repos"]);
    const receipt = await runOutAt("after", (_, key) => key === toStagingKey(TENANT, hash), envelope);
    expect(receipt).toMatchObject({ status: "error", code: "run_time_exceeded", refs: [], artifacts: [] });
    // The refs got the record that the act ended, and nothing else.
    expect(await hashContents(world.store, [...written, "repos"])).toEqual(before);
    expect(await readTip(world, "feature/slow")).toBeUndefined();
    expect(await readStoredReceipt(world, envelope.jti)).toEqual(receipt);
  });

  it("does not fail an act whose refs have moved", async () => {
    const envelope = await push("feature/just");
    const receipt = await runOutAt("after", (operation, key) => operation === "swap" && key === packedRefs, envelope);
    expect(receipt).toMatchObject({ status: "success", refs: [{ new: tip }] });
    expect(await readTip(world, "feature/just")).toBe(tip);
  });

  it("applies to the real time that an act takes", async () => {
    const job = await stagePushJob(world, clone.bundle("main"), { branch: "feature/brief" });
    const envelope = buildRunnerCommand(world, { job, permit: { max_run_ms: 1 } });
    expect(await waitForReceipt(runEnvelope(deps, envelope))).toMatchObject({ status: "error", code: "run_time_exceeded" });
    expect(await readTip(world, "feature/brief")).toBeUndefined();
  });

  it.each(["claimed", "fetched", "checked", "stored"])(
    "ends a late retry with an error receipt if the first attempt died after `%s`",
    async (step) => {
      const envelope = await push(`feature/too-late-${step}`);
      await dieAfter(step, envelope);
      expect(await retryLate(envelope)).toMatchObject({ status: "error", code: "run_time_exceeded", refs: [] });
      expect(await readTip(world, `feature/too-late-${step}`)).toBeUndefined();
    },
  );

  it("lets a late retry succeed if the refs had moved", async () => {
    const envelope = await push("feature/had-moved");
    await dieAfter("moved", envelope);
    expect(await retryLate(envelope)).toMatchObject({ status: "success", refs: [{ new: tip }] });
  });

  it("lets a late retry succeed on a Runner whose cache of the refs is outdated", async () => {
    const envelope = await push("feature/had-moved-elsewhere");
    await dieAfter("moved", envelope);
    // This Runner cached the project in an earlier push.
    expect(await retryLate(envelope, deps)).toMatchObject({ status: "success", refs: [{ new: tip }] });
  });

  it("lets a late retry succeed if the tag was made", async () => {
    const envelope = await approveCommand(buildTagJob({ commit: tip }));
    await dieAfter("moved", envelope);
    expect(await retryLate(envelope)).toMatchObject({ status: "success", refs: [{ name: "refs/tags/v1.0.0" }] });
  });

  it.each([
    ["stored", "error"],
    ["moved", "success"],
  ])("ends a registration that died after `%s` and is retried too late in: %s", async (step, status) => {
    const project = `P.late-${step}`;
    const envelope = await approveCommand(buildInitJob(project));
    await dieAfter(step, envelope);
    const receipt = await retryLate(envelope);
    expect(receipt.status, receipt.error).toBe(status);
    // The id of a registration that ended is free for another one.
    if (status === "error") await waitForReceipt(runEnvelope(deps, await approveCommand(buildInitJob(project))));
    const job = await stagePushJob(world, clone.bundle("main"), { branch: "feature/x", project_id: project });
    expect((await waitForReceipt(runEnvelope(deps, buildRunnerCommand(world, { job })))).status).toBe("success");
  });
});
