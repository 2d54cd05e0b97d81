import { afterAll, beforeAll, expect, it } from "vitest";
import { buildFullAllowance } from "../../../src/domain/act/full-allowance.js";
import type { Job } from "../../../src/domain/act/job.js";
import { toCanonicalBytes } from "../../../src/domain/bytes/canonical.js";
import { hashBlake3Hex } from "../../../src/domain/bytes/hash.js";
import { foundingEntrySchema } from "../../../src/domain/charter/founding.js";
import { toCharterKey, toPolicyBytesKey, toStagingKey } from "../../../src/domain/storage-key.js";
import type { RunnerDependencies } from "../../../src/lab512/runner/dependencies.js";
import { planAct } from "../../../src/lab512/runner/plan-act.js";
import { CharterWriter } from "../../decision/charter/charters.js";
import { buildPolicyWith } from "../../harness/policies.js";
import { approveJob, buildRunnerCommand, runEnvelope, waitForReceipt, waitForRefusal } from "./commands.js";
import { createWorldKey, openWorld, TENANT, type World } from "./world.js";

let world: World;
let deps: RunnerDependencies;
let other: RunnerDependencies;
beforeAll(async () => {
  world = await openWorld();
  [deps, other] = [await world.openRunner(), await world.openRunner()];
});
afterAll(() => world.close());

/** Builds the act that founds a tenant with the members of the world. */
function buildFoundingJob(tenant: string, policy_hash = world.policy_hash): Job<"registry.tenant.found"> {
  const key = createWorldKey();
  const planeKeys = (["permit", "statement", "receipt"] as const).map((use) => [
    world.keys[use].kid,
    { use, jwk: world.keys[use].jwk, revoked: false },
  ]);
  const params = { policy_hash, ...world.members.params, keys: Object.fromEntries(planeKeys), tenants: {}, policy_codes: [] };
  const entry = foundingEntrySchema.parse(new CharterWriter(key, tenant).append({ jobType: "registry.charter.found", params }));
  const allowance = buildFullAllowance(tenant);
  return { jobType: "registry.tenant.found", params: { project_id: "_", tenant_id: tenant, founding_jwk: key.jwk, allowance, entry } };
}

const approve = async (job: Job) => buildRunnerCommand(world, { job, scopes: await approveJob(world, deps, job, "L5", "office:registry") });

/** Plans the registration of a project of a tenant, which only a tenant with a charter can have. */
function planProject(runner: RunnerDependencies, tenant_id: string) {
  const params = { project_id: "P.first", name: "First", owners: ["office::default"], visibility: "internal" as const };
  return planAct(runner, { tenant_id, target: "LAB_512", job: { jobType: "git.registry.init", params } });
}

it("a tenant that an act founded is served by every Runner from then on", async () => {
  expect(await planProject(other, "T.NEW")).toMatchObject({ ok: false, denial: { code: "tenant_unknown" } });
  const job = buildFoundingJob("T.NEW");
  const receipt = await waitForReceipt(runEnvelope(deps, await approve(job)));
  expect(receipt.status, receipt.error).toBe("success");
  expect(Buffer.from((await world.store.blobs.get(toCharterKey("T.NEW", 1))) ?? [])).toEqual(
    Buffer.from(toCanonicalBytes(job.params.entry)),
  );
  for (const runner of [deps, other]) expect(await planProject(runner, "T.NEW")).toMatchObject({ ok: true });
});

it.each(["moved", "logged"] as const)(
  "a Runner that dies after the step %s is followed by one that completes the founding",
  async (step) => {
    const tenant = `T.AFTER_${step.toUpperCase()}`;
    const envelope = await approve(buildFoundingJob(tenant));
    const dying = await world.openRunner({
      onStep: (_, done) => {
        if (done === step) throw new Error("died");
      },
    });
    await expect(runEnvelope(dying, envelope)).rejects.toThrow("died");
    const receipt = await waitForReceipt(runEnvelope(other, envelope, { attempt: 2 }));
    expect(receipt.status, receipt.error).toBe("success");
    expect(await planProject(other, tenant)).toMatchObject({ ok: true });
  },
);

it("a tenant with a staged policy of its own gets it stored under its own key", async () => {
  const policy = await buildPolicyWith((data) => ({
    ...data,
    levels: { ...data.levels, L1: { ...data.levels.L1, permit_ttl_ms: 60_000 } },
  }));
  const hash = hashBlake3Hex(policy);
  await world.store.blobs.create(toStagingKey(TENANT, hash), policy);
  const receipt = await waitForReceipt(runEnvelope(deps, await approve(buildFoundingJob("T.OWN", hash))));
  expect(receipt.status, receipt.error).toBe("success");
  expect((await world.store.blobs.stat(toPolicyBytesKey("T.OWN", hash))) !== undefined).toBe(true);
});

// Nobody could use the tenant, and the act would be tried for ever.
it("a tenant whose id has another version 1 in the store is refused before the operator's charter names it", async () => {
  const job = buildFoundingJob("T.TAKEN");
  const envelope = await approve(job);
  await world.store.blobs.create(toCharterKey("T.TAKEN", 1), toCanonicalBytes(buildFoundingJob("T.TAKEN").params.entry));
  const receipt = await waitForReceipt(runEnvelope(deps, envelope));
  expect(receipt).toMatchObject({
    status: "error",
    code: "charter_invalid",
    error: expect.stringMatching(/another charter.T.TAKEN.1.json/),
  });
  expect(await deps.charters.readAllowance("T.TAKEN")).toMatchObject({ ok: false, denial: { code: "tenant_unknown" } });
});

// LAB 256 has its keys and no approver's passkey.
it("no tenant is founded without a quorum of step-ups, or from another tenant's charter", async () => {
  const job = buildFoundingJob("T.FORGED");
  const scopes = { ...(await approveJob(world, deps, job, "L4", "office:registry")), level: "L5" } as const;
  expect((await waitForRefusal(runEnvelope(deps, buildRunnerCommand(world, { job, scopes })))).code).toBe("approval_missing");
  const elsewhere = await planAct(deps, { tenant_id: "T.OTHER", target: "LAB_512", job });
  expect(elsewhere).toMatchObject({ ok: false, denial: { message: expect.stringMatching(/Only the operator's charter founds tenants/) } });
  expect(await world.store.blobs.stat(toCharterKey("T.FORGED", 1))).toBeUndefined();
});

it("a Runner's own allowlist narrows what the operator's charter allows, and widens nothing", async () => {
  const job = { ...buildFoundingJob("T.NARROW") };
  const narrow = { ...job, params: { ...job.params, allowance: { ...job.params.allowance, jobs: ["git.registry.push"] } } };
  expect((await waitForReceipt(runEnvelope(deps, await approve(narrow)))).status).toBe("success");
  const wide = await world.openRunner({ allowlist: { version: 1, tenants: { "T.NARROW": buildFullAllowance("T.NARROW") } } });
  for (const runner of [deps, wide])
    expect(await planProject(runner, "T.NARROW")).toMatchObject({ ok: false, denial: { code: "job_not_allowed" } });
  const elsewhere = { ...buildFullAllowance("T.NARROW"), fs_scope: "tenants/T.UBL" };
  const outside = await world.openRunner({ allowlist: { version: 1, tenants: { "T.NARROW": elsewhere } } });
  expect(await planProject(outside, "T.NARROW")).toMatchObject({ ok: false, denial: { message: expect.stringMatching(/is not inside/) } });
});
