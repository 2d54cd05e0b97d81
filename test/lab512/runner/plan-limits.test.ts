import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Job } from "../../../src/domain/act/job.js";
import type { RunnerDependencies } from "../../../src/lab512/runner/dependencies.js";
import { planAct } from "../../../src/lab512/runner/plan-act.js";
import { buildTreeEntry, Clone } from "../../repository/real-git.js";
import {
  approveJob,
  buildRunnerCommand,
  buildTagJob,
  registerByRunner,
  runEnvelope,
  stagePushJob,
  waitForReceipt,
  waitForRefusal,
} from "./commands.js";
import { createHookedStore, hookOnce } from "./store-hooks.js";
import { openWorld, TENANT, type World } from "./world.js";

const KIB = 1024;

describe("the limits of a plan", () => {
  let world: World;
  let deps: RunnerDependencies;
  const clone = new Clone();
  const tip = clone.commit("a.txt", "one\n");

  beforeAll(async () => {
    world = await openWorld();
    deps = await world.openRunner();
    await registerByRunner(world, deps);
    await waitForReceipt(
      runEnvelope(deps, buildRunnerCommand(world, { job: await stagePushJob(world, clone.bundle("main"), { branch: "feature/base" }) })),
    );
  });
  afterAll(() => world.close());

  const limitRunner = (limits: Partial<RunnerDependencies["limits"]>): RunnerDependencies => ({
    ...deps,
    limits: { ...deps.limits, ...limits },
  });
  const planJob = (runner: RunnerDependencies, job: Job) => planAct(runner, { tenant_id: TENANT, target: "LAB_512", job });

  /** One text of 4 MiB with a line for every two bytes, under 2000 names: a small pack whose diff reads 8 GB. */
  async function buildHostileJob(): Promise<Job> {
    const blob = clone.writeObject("blob", Buffer.from("a\n".repeat(2048 * KIB)));
    const names = Array.from({ length: 2000 }, (_, at) => `f${String(at).padStart(4, "0")}`);
    const tree = clone.writeObject("tree", Buffer.concat(names.map((name) => buildTreeEntry("100644", name, blob))));
    const commit = clone.commitTree(tree);
    return stagePushJob(world, clone.wrap(commit, clone.pack([commit, tree, blob])), { branch: "feature/hostile" });
  }

  it("deny a plan whose diffstat takes too long, as for one large text under many paths", async () => {
    const outcome = await planJob(limitRunner({ diffstatMaxMs: 200 }), await buildHostileJob());
    expect(outcome).toMatchObject({ ok: false, denial: { code: "limit_exceeded", message: expect.stringContaining("within 200 ms") } });
  });

  it("deny a plan that takes too long as a whole", async () => {
    const outcome = await planJob(limitRunner({ planMaxMs: 1000, diffstatMaxMs: 60_000 }), await buildHostileJob());
    expect(outcome).toMatchObject({ ok: false, denial: { code: "limit_exceeded", message: expect.stringContaining("within 1000 ms") } });
  });

  it("rethrow a storage fault, so that the plan is retried", async () => {
    const job = await stagePushJob(world, clone.bundle("main"), { branch: "feature/fault" });
    const broken = hookOnce(
      "before",
      (_, key) => key.endsWith("/packed-refs"),
      () => {
        throw new Error("unreachable");
      },
    );
    await expect(planJob({ ...deps, store: createHookedStore(world.store, broken) }, job)).rejects.toThrow("unreachable");
  });

  it("do not make the plan of a plain diff depend on the time", async () => {
    const diff = Buffer.from("--- a/a.txt\n+++ b/a.txt\n@@ -1 +1 @@\n-one\n+two\n");
    const job = await stagePushJob(world, diff, { branch: "feature/base", expected_old: tip });
    const digest = async () => {
      const outcome = await planJob(deps, job);
      return outcome.ok ? outcome.value.plan_digest : outcome.denial.message;
    };
    const first = await digest();
    expect(first).toMatch(/^[0-9a-f]{64}$/);
    world.clock.offsetMs += 60_000;
    expect(await digest()).toBe(first);
    await waitForReceipt(runEnvelope(deps, buildRunnerCommand(world, { job, scopes: await approveJob(world, deps, job) })));
  });

  it("deny a release whose archive is too large, in plan and in execute", async () => {
    const job = buildTagJob({ commit: tip, tag: "v1.0.0" });
    // A header and one block of content.
    const small = limitRunner({ archiveMaxBytes: KIB - 1 });
    expect(await planJob(small, job)).toMatchObject({ ok: false, denial: { code: "limit_exceeded" } });
    const envelope = buildRunnerCommand(world, { job, scopes: await approveJob(world, deps, job, "L4") });
    expect((await waitForRefusal(runEnvelope(small, envelope))).code).toBe("limit_exceeded");
    const exact = await waitForReceipt(
      runEnvelope(
        limitRunner({ archiveMaxBytes: KIB }),
        buildRunnerCommand(world, { job, scopes: await approveJob(world, deps, job, "L4") }),
      ),
    );
    expect(exact.status, exact.error).toBe("success");
  });
});
