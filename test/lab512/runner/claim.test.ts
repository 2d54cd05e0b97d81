import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { toCanonicalBytes } from "../../../src/domain/bytes/canonical.js";
import type { EndClaim } from "../../../src/domain/permit/claim.js";
import type { CommandEnvelope } from "../../../src/domain/permit/envelope.js";
import { toClaimKey, toReceiptKey } from "../../../src/domain/storage-key.js";
import type { RunnerDependencies } from "../../../src/lab512/runner/dependencies.js";
import { Clone } from "../../repository/real-git.js";
import {
  buildRunnerCommand,
  PERMIT_TTL_MS,
  readStoredReceipt,
  readTip,
  registerByRunner,
  runEnvelope,
  stagePushJob,
  waitForReceipt,
  waitForRefusal,
} from "./commands.js";
import { expectRefusal } from "./evidence.js";
import { createHookedStore, hookOnce } from "./store-hooks.js";
import { BACKENDS, createWorldKey, hashContents, openWorld, TENANT, type World } from "./world.js";

describe.each(BACKENDS)("the claim of a permit on the %s store", (backend) => {
  let world: World;
  let deps: RunnerDependencies;
  let clone: Clone;
  let tip: string;

  beforeAll(async () => {
    world = await openWorld(backend);
    deps = await world.openRunner();
    await registerByRunner(world, deps);
    clone = new Clone();
    tip = clone.commit("a.txt", "one\n");
  });
  afterAll(() => world.close());

  const job = (branch: string) => stagePushJob(world, clone.bundle("main"), { branch });

  it("lets a permit be used once, refuses a second envelope and keeps the first receipt", async () => {
    const jti = randomUUID();
    const recipe = { job: await job("feature/once"), permit: { jti } };
    const receipt = await waitForReceipt(runEnvelope(deps, buildRunnerCommand(world, recipe)));
    const again = buildRunnerCommand(world, { ...recipe, envelope: { jobId: "another-job" } });
    const refusal = await expectRefusal(world, deps, again, "permit_used");
    expect(refusal.jti).toBe(jti);
    expect(await readStoredReceipt(world, jti)).toEqual(receipt);
  });

  it("refuses the same envelope from another workflow execution", async () => {
    const envelope = buildRunnerCommand(world, { job: await job("feature/replay") });
    const receipt = await waitForReceipt(runEnvelope(deps, envelope));
    expect((await waitForRefusal(runEnvelope(deps, envelope, { run_id: "another" }))).code).toBe("permit_used");
    expect((await waitForRefusal(runEnvelope(deps, envelope, { workflow_id: "another", attempt: 7 }))).code).toBe("permit_used");
    expect(await readStoredReceipt(world, envelope.jti)).toEqual(receipt);
  });

  /** Ends an unused permit as LAB 256 does. */
  const endPermit = ({ jti }: CommandEnvelope, how: EndClaim["end"]) => {
    const claim: EndClaim = {
      kind: "end",
      tenant_id: TENANT,
      jti,
      end: how,
      reason: "For the test.",
      nonce: randomUUID(),
      claimed_at: Date.now(),
    };
    return world.store.blobs.create(toClaimKey(TENANT, jti), toCanonicalBytes(claim));
  };

  it.each([
    ["revoked", "permit_revoked", "denied"],
    ["expired", "permit_expired", "expired"],
    ["refused", "permit_revoked", "denied"],
  ] as const)("is refused if the permit is %s between the Runner's checks and the claim", async (how, code, status) => {
    const branch = `feature/${how}`;
    const envelope = buildRunnerCommand(world, { job: await job(branch) });
    const window = hookOnce(
      "before",
      (operation, key) => operation === "swap" && key === toClaimKey(TENANT, envelope.jti),
      async () => {
        expect(await endPermit(envelope, how)).toBe("created");
      },
    );
    const before = await hashContents(world.store, ["refusals", "artifacts"]);
    const refusal = await waitForRefusal(runEnvelope({ ...deps, store: createHookedStore(world.store, window) }, envelope));
    expect(window.hasHappened()).toBe(true);
    expect(refusal).toMatchObject({ code, status });
    const after = await hashContents(world.store, ["refusals", "artifacts"]);
    delete after[toClaimKey(TENANT, envelope.jti)];
    expect(after).toEqual(before);
    expect((await waitForRefusal(runEnvelope(deps, envelope, { attempt: 2 }))).code).toBe(code);
    expect(await readTip(world, branch)).toBeUndefined();
  });

  it("cannot be replaced by a later revocation", async () => {
    const envelope = buildRunnerCommand(world, { job: await job("feature/acted") });
    const late = hookOnce(
      "after",
      (operation, key) => operation === "swap" && key === toClaimKey(TENANT, envelope.jti),
      async () => {
        expect(await endPermit(envelope, "revoked")).toBe("exists");
      },
    );
    const receipt = await waitForReceipt(runEnvelope({ ...deps, store: createHookedStore(world.store, late) }, envelope));
    expect(late.hasHappened()).toBe(true);
    expect(receipt.status).toBe("success");
  });

  it("is followed by an `expired` receipt if the permit expires between check and claim", async () => {
    const envelope = buildRunnerCommand(world, { job: await job("feature/late") });
    const pause = hookOnce(
      "before",
      (operation, key) => operation === "swap" && key === toClaimKey(TENANT, envelope.jti),
      () => {
        world.clock.offsetMs += PERMIT_TTL_MS;
      },
    );
    const receipt = await waitForReceipt(runEnvelope({ ...deps, store: createHookedStore(world.store, pause) }, envelope));
    world.clock.offsetMs = 0;
    expect(receipt).toMatchObject({ status: "expired", code: "permit_expired", refs: [], artifacts: [] });
    expect(await readStoredReceipt(world, envelope.jti)).toEqual(receipt);
    expect(await readTip(world, "feature/late")).toBeUndefined();
  });

  it("exempts a retry that finds its own claim from the expiry check", async () => {
    const envelope = buildRunnerCommand(world, { job: await job("feature/long") });
    const dying = { ...deps, onStep: (_: string, step: string) => fail(step === "fetched") };
    await expect(runEnvelope(dying, envelope)).rejects.toThrow("died");
    world.clock.offsetMs += PERMIT_TTL_MS;
    const receipt = await waitForReceipt(runEnvelope(await world.openRunner(), envelope, { attempt: 2 }));
    world.clock.offsetMs = 0;
    expect(receipt.status, receipt.error).toBe("success");
    expect(await readTip(world, "feature/long")).toBe(tip);
  });

  it("cannot be taken by a forged envelope with a pending act's jti, and the real act still gets its receipt", async () => {
    const envelope = buildRunnerCommand(world, { job: await job("feature/pending") });
    const attacker = createWorldKey();
    const forgeries = [
      buildRunnerCommand(world, { job: await job("feature/evil"), permit: { jti: envelope.jti }, signer: attacker }),
      buildRunnerCommand(world, {
        job: await job("feature/evil"),
        permit: { jti: envelope.jti },
        signer: { ...attacker, kid: world.keys.permit.kid },
      }),
      { ...envelope, params: (await job("feature/evil")).params } as CommandEnvelope,
      { ...envelope, office_id: "office:security" } as CommandEnvelope,
    ];
    for (const forged of forgeries) {
      const refusal = await waitForRefusal(runEnvelope(deps, forged));
      expect(["permit_key_unknown", "permit_signature_invalid", "subject_hash_mismatch", "permit_mismatch"]).toContain(refusal.code);
      expect(refusal.jti).toBe(envelope.jti);
    }
    expect(await world.store.blobs.stat(toClaimKey(TENANT, envelope.jti))).toBeUndefined();
    expect(await world.store.blobs.stat(toReceiptKey(TENANT, envelope.jti))).toBeUndefined();
    const receipt = await waitForReceipt(runEnvelope(deps, envelope));
    expect(receipt.status, receipt.error).toBe("success");
    for (const forged of forgeries) await waitForRefusal(runEnvelope(deps, forged));
    expect(await readStoredReceipt(world, envelope.jti)).toEqual(receipt);
    expect(await readTip(world, "feature/evil")).toBeUndefined();
  });

  it("is won by exactly one of many concurrent executions of one permit", async () => {
    const jobs = await job("feature/race");
    const jti = randomUUID();
    const envelopes = Array.from({ length: 8 }, (_, at) =>
      buildRunnerCommand(world, { job: jobs, permit: { jti }, envelope: { jobId: `job-${at}` } }),
    );
    const answers = await Promise.all(envelopes.map((envelope, at) => runEnvelope(deps, envelope, { workflow_id: `w-${at}` })));
    const kinds = answers.map((answer) => (answer.kind === "receipt" ? answer.receipt.status : answer.refusal.code)).sort();
    expect(kinds).toEqual([...Array<string>(7).fill("permit_used"), "success"].sort());
  });
});

function fail(when: boolean): void {
  if (when) throw new Error("died");
}
