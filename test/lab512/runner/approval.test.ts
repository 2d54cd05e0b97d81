import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Job } from "../../../src/domain/act/job.js";
import type { Permit } from "../../../src/domain/permit/permit.js";
import type { RunnerDependencies } from "../../../src/lab512/runner/dependencies.js";
import { Clone } from "../../repository/real-git.js";
import {
  approveJob,
  buildInitJob,
  buildRunnerCommand,
  buildTagJob,
  readTip,
  registerByRunner,
  runEnvelope,
  stagePushJob,
  waitForReceipt,
} from "./commands.js";
import { expectRefusal } from "./evidence.js";
import { hashContents, openWorld, type World } from "./world.js";

describe("an act that needs an approved plan", () => {
  let world: World;
  let deps: RunnerDependencies;
  let clone: Clone;
  let first: string;
  let second: string;

  beforeAll(async () => {
    world = await openWorld();
    deps = await world.openRunner();
    await registerByRunner(world, deps);
    clone = new Clone();
    first = clone.commit("a.txt", "one\n");
    clone.git("branch", "first");
    second = clone.commit("a.txt", "two\n");
  });
  afterAll(() => world.close());

  const push = (branch: string, changes: Partial<Parameters<typeof stagePushJob>[2]> = {}) =>
    stagePushJob(world, clone.bundle("main", [first]), { branch, expected_old: first, ...changes });
  const branchAtFirst = async (branch: string) => {
    const job = await stagePushJob(world, clone.bundle("first"), { branch });
    await waitForReceipt(runEnvelope(deps, buildRunnerCommand(world, { job })));
  };
  const expectRefused = (code: Parameters<typeof expectRefusal>[3], job: Job, scopes: Partial<Permit["scopes"]>) =>
    expectRefusal(world, deps, buildRunnerCommand(world, { job, scopes }), code);

  it.each(["L3", "L4", "L5"] as const)("is refused at %s without a card or without a plan", async (level) => {
    const job = buildInitJob("P.unapproved");
    const { plan_digest = "" } = await approveJob(world, deps, job);
    await expectRefused("approval_missing", job, { level });
    await expectRefused("approval_missing", job, { level, plan_digest });
    await expectRefused("approval_missing", job, { level, approval_ref: "k-1" });
  });

  it("is refused below L3 if it has a plan and no card", async () => {
    const job = buildInitJob("P.unapproved");
    const { plan_digest = "" } = await approveJob(world, deps, job);
    await expectRefused("approval_missing", job, { level: "L1", plan_digest });
  });

  it("is refused below L3 if it has another plan than the approved one", async () => {
    await expectRefused("plan_changed", buildInitJob("P.unapproved"), { level: "L1", plan_digest: "d".repeat(64), approval_ref: "k-1" });
  });

  it("runs if its plan is still the approved one", async () => {
    await branchAtFirst("feature/approved");
    const job = await push("feature/approved");
    const envelope = buildRunnerCommand(world, { job, scopes: await approveJob(world, deps, job) });
    const receipt = await waitForReceipt(runEnvelope(deps, envelope));
    expect(receipt.status, receipt.error).toBe("success");
    expect(await readTip(world, "feature/approved")).toBe(second);
  });

  it("is refused if a ref of its plan moved between approval and run", async () => {
    await branchAtFirst("feature/moved");
    const job = await push("feature/moved");
    const scopes = await approveJob(world, deps, job);
    const other = await stagePushJob(world, clone.bundle("main", [first]), {
      branch: "feature/moved",
      expected_old: first,
      commit_summary: "Other",
    });
    await waitForReceipt(runEnvelope(deps, buildRunnerCommand(world, { job: other })));
    // The act can no longer be planned, so the code is that of the planning.
    await expectRefused("ref_moved", job, scopes);
    expect(await readTip(world, "feature/moved")).toBe(second);
  });

  it("is refused if its plan differs from the approved one although it could run", async () => {
    await branchAtFirst("feature/other-plan");
    const planned = await push("feature/other-plan", { commit_summary: "Approved" });
    const scopes = await approveJob(world, deps, planned);
    await expectRefused("plan_changed", await push("feature/other-plan", { commit_summary: "Sent" }), scopes);
    expect(await readTip(world, "feature/other-plan")).toBe(first);
  });

  it("is refused if its tag was made between approval and run", async () => {
    const scopes = await approveJob(world, deps, buildTagJob({ commit: first, tag: "v1.0.0" }), "L4");
    const other = buildTagJob({ commit: first, tag: "v1.0.0", notes: "Another release." });
    await waitForReceipt(runEnvelope(deps, buildRunnerCommand(world, { job: other, scopes: await approveJob(world, deps, other, "L4") })));
    await expectRefused("ref_exists", buildTagJob({ commit: first, tag: "v1.0.0" }), scopes);
  });

  it("is refused if its project was registered between approval and run", async () => {
    const job = buildInitJob("P.twice");
    const scopes = await approveJob(world, deps, job);
    await registerByRunner(world, deps, "P.twice");
    await expectRefused("project_exists", job, scopes);
  });

  it("is planned without a write to the store", async () => {
    await branchAtFirst("feature/planned");
    const job = await push("feature/planned");
    const before = await hashContents(world.store);
    await approveJob(world, deps, job);
    expect(await hashContents(world.store)).toEqual(before);
  });
});
