import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { toCanonicalBytes } from "../../../src/domain/bytes/canonical.js";
import type { EndClaim } from "../../../src/domain/permit/claim.js";
import type { CommandEnvelope } from "../../../src/domain/permit/envelope.js";
import { toClaimKey, toReceiptKey } from "../../../src/domain/storage-key.js";
import type { RunnerDependencies } from "../../../src/lab512/runner/dependencies.js";
import { Clone } from "../../repository/real-git.js";
import { command, PERMIT_TTL_MS, pushJob, receiptOf, refusalOf, register, run, storedReceipt, tipOf } from "./commands.js";
import { expectRefusal } from "./evidence.js";
import { hookedStore, once } from "./store-hooks.js";
import { BACKENDS, contents, newKey, openWorld, TENANT, type World } from "./world.js";

describe.each(BACKENDS)("the claim of a permit on the %s store", (backend) => {
  let world: World;
  let deps: RunnerDependencies;
  let clone: Clone;
  let tip: string;

  beforeAll(async () => {
    world = await openWorld(backend);
    deps = await world.runner();
    await register(world, deps);
    clone = new Clone();
    tip = clone.commit("a.txt", "one\n");
  });
  afterAll(() => world.close());

  const job = (branch: string) => pushJob(world, clone.bundle("main"), { branch });

  it("lets a permit be used once: a second envelope is refused and the first receipt stays", async () => {
    const jti = randomUUID();
    const recipe = { job: await job("feature/once"), permit: { jti } };
    const receipt = await receiptOf(run(deps, command(world, recipe)));
    const again = command(world, { ...recipe, envelope: { jobId: "another-job" } });
    const refusal = await expectRefusal(world, deps, again, "permit_used");
    expect(refusal.jti).toBe(jti);
    expect(await storedReceipt(world, jti)).toEqual(receipt);
  });

  it("refuses the very same envelope when another execution brings it", async () => {
    const envelope = command(world, { job: await job("feature/replay") });
    const receipt = await receiptOf(run(deps, envelope));
    expect((await refusalOf(run(deps, envelope, { run_id: "another" }))).code).toBe("permit_used");
    expect((await refusalOf(run(deps, envelope, { workflow_id: "another", attempt: 7 }))).code).toBe("permit_used");
    expect(await storedReceipt(world, envelope.jti)).toEqual(receipt);
  });

  /** What LAB 256 writes when it ends an unused permit. */
  const end = ({ jti }: CommandEnvelope, how: EndClaim["end"]) => {
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
  ] as const)("loses to a permit that is %s between the Runner's checks and its claim", async (how, code, status) => {
    const branch = `feature/${how}`;
    const envelope = command(world, { job: await job(branch) });
    const window = once(
      "before",
      (operation, key) => operation === "swap" && key === toClaimKey(TENANT, envelope.jti),
      async () => {
        expect(await end(envelope, how)).toBe("created");
      },
    );
    const before = await contents(world.store, ["refusals", "artifacts"]);
    const refusal = await refusalOf(run({ ...deps, store: hookedStore(world.store, window) }, envelope));
    expect(window.happened()).toBe(true);
    expect(refusal).toMatchObject({ code, status });
    const after = await contents(world.store, ["refusals", "artifacts"]);
    delete after[toClaimKey(TENANT, envelope.jti)];
    expect(after).toEqual(before);
    // And it stays so, whoever tries again.
    expect((await refusalOf(run(deps, envelope, { attempt: 2 }))).code).toBe(code);
    expect(await tipOf(world, branch)).toBeUndefined();
  });

  it("wins over an end that comes later", async () => {
    const envelope = command(world, { job: await job("feature/acted") });
    const late = once(
      "after",
      (operation, key) => operation === "swap" && key === toClaimKey(TENANT, envelope.jti),
      async () => {
        expect(await end(envelope, "revoked")).toBe("exists");
      },
    );
    const receipt = await receiptOf(run({ ...deps, store: hookedStore(world.store, late) }, envelope));
    expect(late.happened()).toBe(true);
    expect(receipt.status).toBe("success");
  });

  it("answers with an `expired` receipt when the permit expires between check and claim", async () => {
    const envelope = command(world, { job: await job("feature/late") });
    const pause = once(
      "before",
      (operation, key) => operation === "swap" && key === toClaimKey(TENANT, envelope.jti),
      () => {
        world.clock.offset_ms += PERMIT_TTL_MS;
      },
    );
    const receipt = await receiptOf(run({ ...deps, store: hookedStore(world.store, pause) }, envelope));
    world.clock.offset_ms = 0;
    expect(receipt).toMatchObject({ status: "expired", code: "permit_expired", refs: [], artifacts: [] });
    expect(await storedReceipt(world, envelope.jti)).toEqual(receipt);
    expect(await tipOf(world, "feature/late")).toBeUndefined();
  });

  it("does not measure a retry that finds its own claim against the expiry again", async () => {
    const envelope = command(world, { job: await job("feature/long") });
    const dying = { ...deps, onStep: (_: string, step: string) => fail(step === "fetched") };
    await expect(run(dying, envelope)).rejects.toThrow("died");
    world.clock.offset_ms += PERMIT_TTL_MS;
    const receipt = await receiptOf(run(await world.runner(), envelope, { attempt: 2 }));
    world.clock.offset_ms = 0;
    expect(receipt.status, receipt.error).toBe("success");
    expect(await tipOf(world, "feature/long")).toBe(tip);
  });

  it("is not taken by a forged envelope with a pending act's jti: the real act still gets its receipt", async () => {
    const envelope = command(world, { job: await job("feature/pending") });
    const attacker = newKey();
    const forgeries = [
      command(world, { job: await job("feature/evil"), permit: { jti: envelope.jti }, signer: attacker }),
      command(world, {
        job: await job("feature/evil"),
        permit: { jti: envelope.jti },
        signer: { ...attacker, kid: world.keys.permit.kid },
      }),
      { ...envelope, params: (await job("feature/evil")).params } as CommandEnvelope,
      { ...envelope, office_id: "office:security" } as CommandEnvelope,
    ];
    for (const forged of forgeries) {
      const refusal = await refusalOf(run(deps, forged));
      expect(["permit_key_unknown", "permit_signature_invalid", "subject_hash_mismatch", "permit_mismatch"]).toContain(refusal.code);
      expect(refusal.jti).toBe(envelope.jti);
    }
    expect(await world.store.blobs.stat(toClaimKey(TENANT, envelope.jti))).toBeUndefined();
    expect(await world.store.blobs.stat(toReceiptKey(TENANT, envelope.jti))).toBeUndefined();
    const receipt = await receiptOf(run(deps, envelope));
    expect(receipt.status, receipt.error).toBe("success");
    for (const forged of forgeries) await refusalOf(run(deps, forged));
    expect(await storedReceipt(world, envelope.jti)).toEqual(receipt);
    expect(await tipOf(world, "feature/evil")).toBeUndefined();
  });

  it("is won by exactly one of many executions of one permit", async () => {
    const jobs = await job("feature/race");
    const jti = randomUUID();
    const envelopes = Array.from({ length: 8 }, (_, at) =>
      command(world, { job: jobs, permit: { jti }, envelope: { jobId: `job-${at}` } }),
    );
    const answers = await Promise.all(envelopes.map((envelope, at) => run(deps, envelope, { workflow_id: `w-${at}` })));
    const kinds = answers.map((answer) => (answer.kind === "receipt" ? answer.receipt.status : answer.refusal.code)).sort();
    expect(kinds).toEqual([...Array<string>(7).fill("permit_used"), "success"].sort());
  });
});

function fail(when: boolean): void {
  if (when) throw new Error("died");
}
