import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Charters } from "../../../src/decision/charter/charters.js";
import { buildFullAllowance } from "../../../src/domain/act/full-allowance.js";
import type { Job } from "../../../src/domain/act/job.js";
import { toCanonicalBytes } from "../../../src/domain/bytes/canonical.js";
import type { SigningKey } from "../../../src/domain/bytes/signature.js";
import { signObject } from "../../../src/domain/bytes/signature.js";
import type { Allowance } from "../../../src/domain/permit/allowlist.js";
import type { Permit } from "../../../src/domain/permit/permit.js";
import { toCharterKey } from "../../../src/domain/storage-key.js";
import { Allowances } from "../../../src/lab512/runner/allowances.js";
import type { RunnerDependencies } from "../../../src/lab512/runner/dependencies.js";
import { NoEnvelope } from "../../../src/lab512/runner/runner.js";
import { UNUSED_OPERATOR } from "../../domain/samples.js";
import { Clone } from "../../repository/real-git.js";
import {
  buildInitJob,
  buildRunnerCommand,
  type Recipe,
  readTip,
  registerByRunner,
  runEnvelope,
  stagePushJob,
  waitForReceipt,
} from "./commands.js";
import { expectRefusal } from "./evidence.js";
import {
  BROKEN_TENANT,
  COPIED_TENANT,
  createWorldKey,
  hashContents,
  OTHER_TENANT,
  openWorld,
  TENANT,
  UNSERVED_TENANT,
  type World,
} from "./world.js";

const OTHER_HASH = "e".repeat(64);

describe("the Runner's checks before any side effect", () => {
  let world: World;
  let deps: RunnerDependencies;
  let job: Job;

  beforeAll(async () => {
    world = await openWorld();
    deps = await world.openRunner();
    await registerByRunner(world, deps);
    const clone = new Clone();
    clone.commit("a.txt", "one\n");
    job = await stagePushJob(world, clone.bundle("main"), { branch: "feature/x" });
  });
  afterAll(() => world.close());

  const expectRefused = (code: Parameters<typeof expectRefusal>[3], recipe: Partial<Recipe>, changes: Partial<RunnerDependencies> = {}) =>
    expectRefusal(world, { ...deps, ...changes }, buildRunnerCommand(world, { job, ...recipe }), code);

  it("reject input that is not an envelope, name every bad field and write nothing", async () => {
    const before = await hashContents(world.store);
    const envelope = buildRunnerCommand(world, { job });
    const broken = {
      ...envelope,
      jti: "x",
      surprise: 1,
      params: { ...envelope.params, branch: "a..b" },
      permit: { ...envelope.permit, exp: "soon" },
    };
    const attempt = runEnvelope(deps, broken);
    await expect(attempt).rejects.toThrow(NoEnvelope);
    for (const field of [/jti: /, /surprise: /, /params\.branch: /, /permit\.exp: /]) await expect(attempt).rejects.toThrow(field);
    for (const nonsense of [undefined, null, 7, "x", [], {}, { ...envelope, jobType: "git.registry.erase" }])
      await expect(runEnvelope(deps, nonsense)).rejects.toThrow(NoEnvelope);
    expect(await hashContents(world.store)).toEqual(before);
  });

  it("refuse a permit that is not signed by a key of LAB 256", async () => {
    await expectRefused("permit_key_unknown", { signer: createWorldKey() });
    await expectRefused("permit_key_unknown", { signer: world.keys.receipt });
    await expectRefused("permit_key_unknown", { signer: world.keys.founding.get(TENANT) ?? createWorldKey() });
  });

  const forgeries: [string, (permit: Permit) => Permit][] = [
    ["a later expiry", (permit) => ({ ...permit, exp: permit.exp + 1 })],
    ["a longer run", (permit) => ({ ...permit, max_run_ms: permit.max_run_ms + 1 })],
    ["a lower level", (permit) => ({ ...permit, scopes: { ...permit.scopes, level: "L0" } })],
    ["another actor", (permit) => ({ ...permit, scopes: { ...permit.scopes, actor_id: "ubl:sid:person:mallory" } })],
    ["a card that does not exist", (permit) => ({ ...permit, scopes: { ...permit.scopes, approval_ref: "k-9" } })],
    ["another signature", (permit) => ({ ...permit, sig: Buffer.alloc(64, 7).toString("base64") })],
    ["a signature of another length", (permit) => ({ ...permit, sig: "AAAA" })],
    ["the same signature in another encoding", (permit) => ({ ...permit, sig: permit.sig.replace(/=+$/, "") })],
  ];
  it.each(forgeries)("refuse a permit with %s", async (_, forge) => {
    await expectRefused("permit_signature_invalid", { forge });
  });

  it("refuse a permit whose signature is for another type of object", async () => {
    const forge = ({ kid: _, sig: __, ...unsigned }: Permit) => signObject("statement", unsigned, world.keys.permit);
    await expectRefused("permit_signature_invalid", { forge });
  });

  it("refuse a permit signed by another key under the kid of LAB 256", async () => {
    await expectRefused("permit_signature_invalid", { signer: { ...createWorldKey(), kid: world.keys.permit.kid } });
  });

  const mismatches: [string, Partial<Recipe>][] = [
    ["jti", { envelope: { jti: "00000000-0000-4000-8000-000000000000" } }],
    ["tenant_id", { envelope: { tenant_id: OTHER_TENANT } }],
    ["jobType", { envelope: { jobType: "git.registry.init", params: buildInitJob("P.other").params } }],
    ["target", { envelope: { target: "LAB_256" } }],
    ["subject_hash", { envelope: { subject_hash: OTHER_HASH } }],
    ["policy_hash", { envelope: { policy_hash: OTHER_HASH } }],
    ["office_id", { envelope: { office_id: "office:security" } }],
  ];
  it.each(mismatches)("refuse an envelope whose `%s` differs from the permit's", async (member, recipe) => {
    const refusal = await expectRefused("permit_mismatch", recipe);
    expect(refusal.error).toContain(`\`${member}\``);
  });

  it("refuse a permit for another Runner", async () => {
    await expectRefused("wrong_target", { permit: { aud: "runner:LAB_256" } });
    await expectRefused("wrong_target", {
      permit: { aud: "runner:LAB_256" },
      scopes: { target: "LAB_256" },
      envelope: { target: "LAB_256" },
    });
    await expectRefused("wrong_target", { scopes: { target: "LAB_256" }, envelope: { target: "LAB_256" } });
  });

  it("refuse a permit from the millisecond of its expiry", async () => {
    const now = 1_800_000_000_000;
    const frozen = { now: () => now };
    const refusal = await expectRefused("permit_expired", { permit: { exp: now } }, frozen);
    expect(refusal.status).toBe("expired");
    await expectRefused("permit_expired", { permit: { exp: now - 60_000 } }, frozen);
  });

  it("hash the params and refuse a subject hash that does not match them", async () => {
    await expectRefused("subject_hash_mismatch", { envelope: { params: { ...job.params, commit_summary: "Something else" } } });
    await expectRefused("subject_hash_mismatch", { envelope: { params: { ...job.params, force: true } } });
    await expectRefused("subject_hash_mismatch", { scopes: { subject_hash: OTHER_HASH }, envelope: { subject_hash: OTHER_HASH } });
  });

  it("refuse a policy that is not the current one of the tenant's charter", async () => {
    await expectRefused("policy_not_current", { scopes: { policy_hash: OTHER_HASH } });
  });

  it("refuse a charter that is not signed by the tenant's founding key", async () => {
    const withKey = (key: SigningKey | undefined) => ({
      charters: new Charters(world.store, { tenant_id: TENANT, founding_jwk: (key ?? createWorldKey()).jwk }),
    });
    expect((await expectRefused("charter_invalid", {}, withKey(createWorldKey()))).error).toContain(
      "not signed by the tenant's founding key",
    );
    await expectRefused("charter_invalid", {}, withKey(world.keys.founding.get(OTHER_TENANT)));
  });

  it("refuse another tenant's charter and a malformed charter", async () => {
    const first = await world.store.blobs.get(toCharterKey(TENANT, 1));
    await world.store.blobs.create(toCharterKey(COPIED_TENANT, 1), first ?? new Uint8Array(0));
    expect((await expectRefused("charter_invalid", { tenant_id: COPIED_TENANT })).error).toContain(`belongs to ${TENANT}`);
    await world.store.blobs.create(toCharterKey(BROKEN_TENANT, 1), toCanonicalBytes({ policy_hash: world.policy_hash }));
    await expectRefused("charter_invalid", { tenant_id: BROKEN_TENANT });
  });

  it("refuse a tenant that has no charter or is not in the operator's", async () => {
    await expectRefused("tenant_unknown", { tenant_id: "T.NOBODY" });
    await expectRefused("tenant_unknown", {}, { charters: new Charters(world.store, UNUSED_OPERATOR) });
    await expectRefused("tenant_unknown", { tenant_id: UNSERVED_TENANT });
  });

  const replaceAllowance = (change: Partial<Allowance>): Partial<RunnerDependencies> => {
    const tenants = { [TENANT]: { ...buildFullAllowance(TENANT), ...change } };
    return { allowances: new Allowances(deps.charters, { version: 1, tenants }) };
  };

  it("refuse a job that is not on the Runner's allowlist", async () => {
    await expectRefused("job_not_allowed", {}, replaceAllowance({ jobs: ["git.registry.init"] }));
    await expectRefused("job_not_allowed", {}, replaceAllowance({ jobs: [] }));
  });

  it.each(["object-store", "temporal"])("refuse every job if `%s` is not on the tenant's network whitelist", async (missing) => {
    const network_whitelist = ["object-store", "temporal"].filter((name) => name !== missing);
    expect((await expectRefused("job_not_allowed", {}, replaceAllowance({ network_whitelist }))).error).toContain(`\`${missing}\``);
  });

  it("accept a valid command after all of these refusals", async () => {
    const receipt = await waitForReceipt(runEnvelope(deps, buildRunnerCommand(world, { job })));
    expect(receipt.status, receipt.error).toBe("success");
    expect(await readTip(world, "feature/x")).toBe(receipt.refs[0]?.new);
  });
});
