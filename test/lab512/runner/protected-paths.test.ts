import { afterAll, beforeAll, expect, it } from "vitest";
import type { Job } from "../../../src/domain/act/job.js";
import { hashBlake3Hex } from "../../../src/domain/bytes/hash.js";
import type { CharterChange } from "../../../src/domain/charter/change.js";
import { ZERO_ID } from "../../../src/domain/git/git-id.js";
import { toPolicyBytesKey } from "../../../src/domain/storage-key.js";
import type { RunnerDependencies } from "../../../src/lab512/runner/dependencies.js";
import { appendCharterEntry } from "../../../src/stack/founding/charter.js";
import { requireOutcome } from "../../harness/outcomes.js";
import { buildPolicyWith } from "../../harness/policies.js";
import { Clone } from "../../repository/real-git.js";
import {
  approveJob,
  buildRunnerCommand,
  buildTagJob,
  findAuthority,
  readTip,
  registerByRunner,
  runEnvelope,
  signApproval,
  stagePushJob,
  toCardSigner,
  waitForReceipt,
} from "./commands.js";
import { expectRefusal } from "./evidence.js";
import { toActorId } from "./members.js";
import { openWorld, TENANT, type World } from "./world.js";

let world: World;
let deps: RunnerDependencies;
beforeAll(async () => {
  world = await openWorld();
  deps = await world.openRunner();
  await registerByRunner(world, deps);
});
afterAll(() => world.close());

function change(what: CharterChange): Promise<number> {
  const key = world.keys.founding.get(TENANT);
  if (key === undefined) throw new Error("the tenant has no founding key");
  return appendCharterEntry(world.store, TENANT, key, what);
}

// LAB 256 sends the approval of somebody who does not hold the role that the path asks for.
it("the Runner refuses a change of a protected path that nobody in its role approved", async () => {
  const policy = await buildPolicyWith((data) => ({ ...data, paths: [{ pattern: "infra/*", roles: { security: 1 } }] }));
  const policy_hash = hashBlake3Hex(policy);
  await world.store.blobs.create(toPolicyBytesKey(TENANT, policy_hash), policy);
  await change({ jobType: "registry.policy.publish", params: { policy_hash } });
  const clone = new Clone();
  const tip = clone.commit("infra/a.tf", "one\n");
  const push = await stagePushJob(world, clone.bundle("HEAD"), { branch: "feature/paths" });
  await waitForReceipt(runEnvelope(deps, buildRunnerCommand(world, { job: push, scopes: { policy_hash } })));
  const params = { source: "feature/paths", target: "main", expected_source: tip, expected_target: ZERO_ID } as const;
  const job: Job = { jobType: "git.registry.merge_protected", params: { project_id: "P.demo", ...params, strategy: "fast-forward" } };
  const envelope = buildRunnerCommand(world, { job, scopes: { ...(await approveJob(world, deps, job, "L4")), policy_hash } });
  expect((await expectRefusal(world, deps, envelope, "approval_missing")).error).toMatch(/lacks 1 more approval .*in the role security/);
  expect(await readTip(world, "main")).toBeUndefined();

  const carol = world.members.params.actors[toActorId("carol")];
  const genuine = findAuthority(envelope);
  if (carol === undefined || genuine === null) throw new Error("there is no Carol, or no card");
  const offices = [{ office_id: "office::default", roles: ["security"] }];
  await change({ jobType: "registry.members.change", params: { persons: {}, actors: { [toActorId("carol")]: { ...carol, offices } } } });
  const plan_digest = envelope.permit.scopes.plan_digest ?? "";
  const statements = [signApproval(toCardSigner(world), "carol", genuine.card, plan_digest, { hasStepUp: true })];
  expect(await waitForReceipt(runEnvelope(deps, envelope, {}, { ...genuine, statements }))).toMatchObject({ status: "success" });
  expect(await readTip(world, "main")).toBe(tip);
});

// Mallory merges nothing, and has a commit of a branch of her own released.
it("the Runner refuses the release of a protected path's change that nobody in its role approved, and releases what main has", async () => {
  const { policy_hash } = requireOutcome(await deps.charters.readNewest(TENANT));
  const clone = new Clone();
  clone.commit("infra/a.tf", "one\n");
  const tip = clone.commit("infra/b.tf", "mine\n");
  const push = await stagePushJob(world, clone.bundle("HEAD"), { branch: "feature/released" });
  await waitForReceipt(runEnvelope(deps, buildRunnerCommand(world, { job: push, scopes: { policy_hash } })));
  const release = async (commit: string, tag: string) => {
    const job = buildTagJob({ commit, tag });
    return buildRunnerCommand(world, { job, scopes: { ...(await approveJob(world, deps, job)), policy_hash } });
  };
  const { error } = await expectRefusal(world, deps, await release(tip, "v1.0.0"), "approval_missing");
  expect(error).toMatch(/lacks 1 more approval .*in the role security/);
  const main = (await readTip(world, "main")) ?? "";
  expect(main).not.toBe(tip);
  expect(await waitForReceipt(runEnvelope(deps, await release(main, "v1.0.1")))).toMatchObject({ status: "success" });
});

// Mallory's branch changes a protected path and undoes it. Once main contains both commits, anybody could release the first.
it("the Runner refuses to bring main a commit that changes a protected path, although a later one undoes it", async () => {
  const { policy_hash } = requireOutcome(await deps.charters.readNewest(TENANT));
  const expected_target = (await readTip(world, "main")) ?? ZERO_ID;
  const clone = new Clone();
  clone.commit("infra/a.tf", "one\n");
  expect(clone.readHead()).toBe(expected_target);
  clone.commit("infra/a.tf", "mine\n");
  clone.git("revert", "--no-edit", "HEAD");
  const tip = clone.commit("src/b.ts", "two\n");
  const push = await stagePushJob(world, clone.bundle("HEAD"), { branch: "feature/undone" });
  await waitForReceipt(runEnvelope(deps, buildRunnerCommand(world, { job: push, scopes: { policy_hash } })));
  const approve = async (job: Job, level: "L4" | "L5") =>
    buildRunnerCommand(world, { job, scopes: { ...(await approveJob(world, deps, job, level)), policy_hash } });
  const params = { project_id: "P.demo", source: "feature/undone", target: "main", expected_source: tip, expected_target } as const;
  for (const strategy of ["merge", "fast-forward"] as const) {
    const merge = await approve({ jobType: "git.registry.merge_protected", params: { ...params, strategy } }, "L4");
    expect((await expectRefusal(world, deps, merge, "approval_missing")).error).toMatch(/in the role security/);
  }
  const forced = await stagePushJob(world, clone.bundle("HEAD"), { branch: "main", expected_old: expected_target, force: true });
  // Carol has the role, Bob and Ana have not.
  const approved = await approve(forced, "L5");
  const authority = findAuthority(approved);
  if (authority === null) throw new Error("there is no card");
  const [bob] = authority.statements;
  const refusal = await expectRefusal(world, deps, approved, "approval_missing", {
    ...authority,
    statements: bob === undefined ? [] : [bob],
  });
  expect(refusal.error).toMatch(/in the role security/);
  // A squash brings none of these commits.
  const squash = await approve({ jobType: "git.registry.merge_protected", params: { ...params, strategy: "squash" } }, "L4");
  expect(await waitForReceipt(runEnvelope(deps, squash))).toMatchObject({ status: "success" });
});
