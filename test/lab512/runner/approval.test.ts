import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Job } from "../../../src/domain/act/job.js";
import type { Permit } from "../../../src/domain/permit/permit.js";
import type { RunnerDependencies } from "../../../src/lab512/runner/dependencies.js";
import { Clone } from "../../repository/real-git.js";
import { approvedScopes, command, initJob, pushJob, receiptOf, register, run, tagJob, tipOf } from "./commands.js";
import { expectRefusal } from "./evidence.js";
import { contents, openWorld, type World } from "./world.js";

describe("an act that needs an approved plan", () => {
  let world: World;
  let deps: RunnerDependencies;
  let clone: Clone;
  let first: string;
  let second: string;

  beforeAll(async () => {
    world = await openWorld();
    deps = await world.runner();
    await register(world, deps);
    clone = new Clone();
    first = clone.commit("a.txt", "one\n");
    clone.git("branch", "first");
    second = clone.commit("a.txt", "two\n");
  });
  afterAll(() => world.close());

  const push = (branch: string, changes: Partial<Parameters<typeof pushJob>[2]> = {}) =>
    pushJob(world, clone.bundle("main", [first]), { branch, expected_old: first, ...changes });
  const branchAtFirst = async (branch: string) => {
    const job = await pushJob(world, clone.bundle("first"), { branch });
    await receiptOf(run(deps, command(world, { job })));
  };
  const refused = (code: Parameters<typeof expectRefusal>[3], job: Job, scopes: Partial<Permit["scopes"]>) =>
    expectRefusal(world, deps, command(world, { job, scopes }), code);

  it.each(["L3", "L4", "L5"] as const)("is refused at %s without a card or without a plan", async (level) => {
    const job = initJob("P.unapproved");
    const { plan_digest = "" } = await approvedScopes(deps, job);
    await refused("approval_missing", job, { level });
    await refused("approval_missing", job, { level, plan_digest });
    await refused("approval_missing", job, { level, approval_ref: "k-1" });
  });

  it("is refused below L3 too when it has a plan and no card", async () => {
    const job = initJob("P.unapproved");
    const { plan_digest = "" } = await approvedScopes(deps, job);
    await refused("approval_missing", job, { level: "L1", plan_digest });
  });

  it("is measured against its plan below L3 too when it has one", async () => {
    await refused("plan_changed", initJob("P.unapproved"), { level: "L1", plan_digest: "d".repeat(64), approval_ref: "k-1" });
  });

  it("runs when the plan made now is the approved one, and once only", async () => {
    await branchAtFirst("feature/approved");
    const job = await push("feature/approved");
    const envelope = command(world, { job, scopes: await approvedScopes(deps, job) });
    const receipt = await receiptOf(run(deps, envelope));
    expect(receipt.status, receipt.error).toBe("success");
    expect(await tipOf(world, "feature/approved")).toBe(second);
  });

  it("is refused when a ref of its plan moved between approval and run", async () => {
    await branchAtFirst("feature/moved");
    const job = await push("feature/moved");
    const scopes = await approvedScopes(deps, job);
    const other = await pushJob(world, clone.bundle("main", [first]), {
      branch: "feature/moved",
      expected_old: first,
      commit_summary: "Other",
    });
    await receiptOf(run(deps, command(world, { job: other })));
    // The plan can no longer be made at all, and the answer says which ref stands in the way.
    await refused("ref_moved", job, scopes);
    expect(await tipOf(world, "feature/moved")).toBe(second);
  });

  it("is refused when what the plan shows has changed, though it could run", async () => {
    await branchAtFirst("feature/other-plan");
    const planned = await push("feature/other-plan", { commit_summary: "What was approved" });
    const scopes = await approvedScopes(deps, planned);
    await refused("plan_changed", await push("feature/other-plan", { commit_summary: "What is sent" }), scopes);
    expect(await tipOf(world, "feature/other-plan")).toBe(first);
  });

  it("is refused when the tag that it makes was made meanwhile", async () => {
    const scopes = await approvedScopes(deps, tagJob({ commit: first, tag: "v1.0.0" }), "L4");
    const other = tagJob({ commit: first, tag: "v1.0.0", notes: "Another release." });
    await receiptOf(run(deps, command(world, { job: other, scopes: await approvedScopes(deps, other, "L4") })));
    await refused("ref_exists", tagJob({ commit: first, tag: "v1.0.0" }), scopes);
  });

  it("is refused when the project that it registers was registered meanwhile", async () => {
    const job = initJob("P.twice");
    const scopes = await approvedScopes(deps, job);
    await register(world, deps, "P.twice");
    await refused("project_exists", job, scopes);
  });

  it("plans without writing anything", async () => {
    await branchAtFirst("feature/planned");
    const job = await push("feature/planned");
    const before = await contents(world.store);
    await approvedScopes(deps, job);
    expect(await contents(world.store)).toEqual(before);
  });
});
