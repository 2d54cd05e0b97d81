import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { hashInfra } from "../../src/domain/act/infra-context.js";
import type { Job } from "../../src/domain/act/job.js";
import { hashBlake3Hex } from "../../src/domain/bytes/hash.js";
import { openInfraSource } from "../../src/infra/source/open.js";
import type { InfraSource } from "../../src/infra/source/source.js";
import type { RunnerDependencies } from "../../src/lab512/runner/dependencies.js";
import { planAct } from "../../src/lab512/runner/plan-act.js";
import {
  approveJob,
  buildRunnerCommand,
  buildTagJob,
  PROJECT,
  registerByRunner,
  runEnvelope,
  stagePushJob,
  waitForReceipt,
} from "../lab512/runner/commands.js";
import { expectRefusal } from "../lab512/runner/evidence.js";
import { openWorld, TENANT, type World } from "../lab512/runner/world.js";
import { Clone } from "../repository/real-git.js";
import { type Entry, formatRegistryJson } from "./registries.js";

describe("the Runner with an infra registry", () => {
  let world: World;
  let infra: InfraSource;
  let deps: RunnerDependencies;
  let job: Job;
  let commit: string;

  /** Writes the registry's file. Returns its revision. */
  const publishEntry = async (entry: Entry, telemetry?: string, other: Entry = "enabled sandbox"): Promise<string> => {
    const text = formatRegistryJson({ [`${TENANT}/${PROJECT}`]: entry, [`${TENANT}/P.other`]: other }, telemetry);
    await writeFile(join(world.folder, "registry.json"), text);
    return hashBlake3Hex(Buffer.from(text));
  };
  const hashNow = async (): Promise<string> => {
    const now = await infra.resolve(TENANT, PROJECT);
    const hash = now.ok ? hashInfra(now.value.infra) : undefined;
    if (hash === undefined) throw new Error("the registry cannot be used");
    return hash;
  };

  beforeAll(async () => {
    world = await openWorld();
    await registerByRunner(world, await world.openRunner());
    infra = openInfraSource({ kind: "file", path: join(world.folder, "registry.json") }, world.store);
    deps = await world.openRunner({ infra });
    const clone = new Clone();
    commit = clone.commit("a.txt", "one\n");
    job = await stagePushJob(world, clone.bundle("main"), { branch: "feature/x" });
  });
  afterAll(() => world.close());

  it("accepts a permit for the context that it reads, and names the revision in the receipt", async () => {
    const revision = await publishEntry("enabled production");
    const envelope = buildRunnerCommand(world, { job, scopes: { infra_hash: await hashNow() } });
    expect(await waitForReceipt(runEnvelope(deps, envelope))).toMatchObject({ status: "success", infra_revision: revision });
  });

  it("refuses a permit for another context or without one", async () => {
    await publishEntry("enabled production");
    const infra_hash = await hashNow();
    await publishEntry("disabled production");
    await expectRefusal(world, deps, buildRunnerCommand(world, { job, scopes: { infra_hash } }), "infra_changed");
    await expectRefusal(world, deps, buildRunnerCommand(world, { job }), "infra_changed");
  });

  it("refuses a permit with a context if it is configured without an infra registry", async () => {
    await publishEntry("enabled production");
    const refusal = await expectRefusal(
      world,
      await world.openRunner(),
      buildRunnerCommand(world, { job, scopes: { infra_hash: await hashNow() } }),
      "infra_changed",
    );
    expect(refusal.error).toContain("OGR_INFRA");
  });

  it("includes the project's context in the plan digest, and no other project's", async () => {
    const job = buildTagJob({ commit });
    const digest = async () => {
      const planned = await planAct(deps, { tenant_id: TENANT, target: "LAB_512", job });
      if (!planned.ok) throw new Error(planned.denial.message);
      return { digest: planned.value.plan_digest, infra: planned.value.plan.basis.infra };
    };
    await publishEntry("enabled production");
    const first = await digest();
    expect(first.infra).toEqual({ state: "enabled", context: "production", telemetry_repo: `${TENANT}/P.telemetry`, is_registry: false });
    await publishEntry("enabled production", undefined, "disabled sandbox");
    expect(await digest()).toEqual(first);
    await publishEntry("enabled production", "P.elsewhere");
    expect((await digest()).digest).not.toBe(first.digest);
    await publishEntry("disabled production");
    expect((await digest()).infra).toMatchObject({ state: "disabled" });
  });

  // The Runner died after its claim, and the registry has changed before the retry.
  it.each([
    ["another project has changed", "v2.0.0", "enabled production", "success"],
    ["the project is disabled", "v2.0.1", "disabled production", "denied"],
  ] as const)("names the revision of the first check in the receipt of a taken-over act if %s", async (_, tag, changed, status) => {
    const revision = await publishEntry("enabled production");
    const asked = buildTagJob({ commit, tag });
    const scopes = { ...(await approveJob(world, deps, asked, "L4")), infra_hash: await hashNow() };
    const envelope = buildRunnerCommand(world, { job: asked, scopes });
    const dying = await world.openRunner({
      infra,
      onStep: (_, step) => {
        if (step === "claimed") throw new Error("died");
      },
    });
    await expect(runEnvelope(dying, envelope)).rejects.toThrow("died");
    await publishEntry(changed, undefined, "disabled sandbox");
    const receipt = await waitForReceipt(runEnvelope(await world.openRunner({ infra }), envelope, { attempt: 2 }));
    expect(receipt).toMatchObject({ status, infra_revision: revision });
  });
});
