import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { toCanonicalBytes } from "../../../src/domain/bytes/canonical.js";
import { signObject } from "../../../src/domain/bytes/signature.js";
import { toEndedActRef } from "../../../src/domain/git/ref-name.js";
import { type CommandEnvelope, hashEnvelope } from "../../../src/domain/permit/envelope.js";
import type { PermitEnd } from "../../../src/domain/permit/permit-end.js";
import { toClaimKey, toPermitEndKey, toReceiptKey } from "../../../src/domain/storage-key.js";
import { recordEndedAct, registerRepository } from "../../../src/lab512/git/repository-records.js";
import type { RunnerDependencies } from "../../../src/lab512/runner/dependencies.js";
import { readRefs } from "../../../src/repository/refs/refs-state.js";
import type { ObjectStore } from "../../../src/storage/ports.js";
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

  it("is not written for an attempt whose number no reader would accept", async () => {
    const envelope = buildRunnerCommand(world, { job: await job("feature/fraction") });
    for (const attempt of [1.5, 0, -1]) await expect(runEnvelope(deps, envelope, { attempt })).rejects.toThrow("attempt");
    expect(await world.store.blobs.stat(toClaimKey(TENANT, envelope.jti))).toBeUndefined();
    expect((await waitForReceipt(runEnvelope(deps, envelope))).status).toBe("success");
  });

  // Two attempts of one command: the second found no claim, and then loses the race for it. The first may still write.
  it("that was lost to an earlier attempt is taken over like one that was found, so that the end is recorded in the refs", async () => {
    const envelope = buildRunnerCommand(world, { job: await job("feature/raced") });
    const dying = { ...deps, onStep: (_: string, step: string) => fail(step === "claimed") };
    const race = hookOnce(
      "before",
      (operation, key) => operation === "swap" && key === toClaimKey(TENANT, envelope.jti),
      async () => {
        await expect(runEnvelope(dying, envelope)).rejects.toThrow("died");
        expect(await endPermit(envelope, "revoked")).toBe("created");
      },
    );
    const receipt = await waitForReceipt(runEnvelope({ ...deps, store: createHookedStore(world.store, race) }, envelope, { attempt: 2 }));
    expect(receipt).toMatchObject({ status: "denied", code: "permit_revoked" });
    const refs = (await readRefs(world.store, { tenant_id: TENANT, project_id: "P.demo" }))?.refs;
    expect(refs?.has(toEndedActRef(envelope.jti))).toBe(true);
  });

  it("refuses the same envelope from another workflow execution", async () => {
    const envelope = buildRunnerCommand(world, { job: await job("feature/replay") });
    const receipt = await waitForReceipt(runEnvelope(deps, envelope));
    expect((await waitForRefusal(runEnvelope(deps, envelope, { run_id: "another" }))).code).toBe("permit_used");
    expect((await waitForRefusal(runEnvelope(deps, envelope, { workflow_id: "another", attempt: 7 }))).code).toBe("permit_used");
    expect(await readStoredReceipt(world, envelope.jti)).toEqual(receipt);
  });

  /** What LAB 256 writes when it ends an unused permit. */
  const endPermit = ({ jti }: CommandEnvelope, how: PermitEnd["end"]) => {
    const value: PermitEnd = { tenant_id: TENANT, jti, end: how, reason: "For the test.", ended_at: Date.now() };
    return world.store.blobs.create(toPermitEndKey(TENANT, jti), toCanonicalBytes(value));
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
    const receipt = await waitForReceipt(runEnvelope({ ...deps, store: createHookedStore(world.store, window) }, envelope));
    expect(window.hasHappened()).toBe(true);
    expect(receipt).toMatchObject({ code, status, refs: [] });
    const after = await hashContents(world.store, ["refusals", "artifacts"]);
    for (const toKey of [toClaimKey, toPermitEndKey, toReceiptKey]) delete after[toKey(TENANT, envelope.jti)];
    expect(after).toEqual(before);
    expect(await waitForReceipt(runEnvelope(deps, envelope, { attempt: 2 }))).toEqual(receipt);
    expect(await readTip(world, branch)).toBeUndefined();
  });

  it("loses to an end that is stored right after it", async () => {
    const envelope = buildRunnerCommand(world, { job: await job("feature/ended") });
    const late = hookOnce(
      "after",
      (operation, key) => operation === "swap" && key === toClaimKey(TENANT, envelope.jti),
      async () => {
        expect(await endPermit(envelope, "revoked")).toBe("created");
      },
    );
    const receipt = await waitForReceipt(runEnvelope({ ...deps, store: createHookedStore(world.store, late) }, envelope));
    expect(late.hasHappened()).toBe(true);
    expect(receipt).toMatchObject({ status: "denied", code: "permit_revoked" });
    expect(await readTip(world, "feature/ended")).toBeUndefined();
  });

  it("wins over an end that is stored after the Runner looked for one", async () => {
    const envelope = buildRunnerCommand(world, { job: await job("feature/acted") });
    const late = hookOnce(
      "after",
      (operation, key) => operation === "get" && key === toPermitEndKey(TENANT, envelope.jti),
      async () => {
        expect(await endPermit(envelope, "revoked")).toBe("created");
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

  // A forger who may write claims, and not sign as a Runner: the claim says that an earlier attempt made every check.
  it("is not taken over from a claim that no Runner signed, so that no check is skipped", async () => {
    const envelope = buildRunnerCommand(world, { job: await job("feature/forged"), permit: { exp: Date.now() - 1_000 } });
    const unsigned = {
      ...{ tenant_id: TENANT, jti: envelope.jti, envelope_digest: hashEnvelope(envelope), workflow_id: "w", run_id: "r", activity_id: "1" },
      ...{ attempt: 1, nonce: "n", claimed_at: Date.now() - 60_000, charter_version: 1, statement_digests: [] },
    };
    const forged = signObject("claim", unsigned, createWorldKey());
    await world.store.blobs.create(toClaimKey(TENANT, envelope.jti), toCanonicalBytes(forged));
    const refusal = await waitForRefusal(runEnvelope(deps, envelope, { workflow_id: "w", run_id: "r", attempt: 1_000_001 }));
    expect(refusal.code).toBe("permit_expired");
    expect(await readTip(world, "feature/forged")).toBeUndefined();
  });

  // The Runner died after its claim; before the retry the reason for the permit is gone.
  it("is no reason to skip a check when it is taken over: under another policy the retry is denied", async () => {
    const envelope = buildRunnerCommand(world, { job: await job("feature/policy") });
    const dying = { ...deps, onStep: (_: string, step: string) => fail(step === "fetched") };
    await expect(runEnvelope(dying, envelope)).rejects.toThrow("died");
    const runner = await world.openRunner();
    const readNewest: typeof runner.charters.readNewest = async (tenant) => {
      const newest = await deps.charters.readNewest(tenant);
      return newest.ok ? { ok: true, value: { ...newest.value, policy_hash: "a".repeat(64) } } : newest;
    };
    const charters = Object.assign(Object.create(runner.charters), { readNewest });
    const receipt = await waitForReceipt(runEnvelope({ ...runner, charters }, envelope, { attempt: 2 }));
    expect(receipt).toMatchObject({ status: "denied", code: "policy_not_current", refs: [] });
    expect(await readTip(world, "feature/policy")).toBeUndefined();
  });

  // The first attempt's write of the refs hangs on its way, and arrives after the retry was denied.
  it("is given up with a record that a late write of the earlier attempt loses to", async () => {
    const envelope = buildRunnerCommand(world, { job: await job("feature/hanging") });
    const key = `repos/${TENANT}/${envelope.params.project_id}.git/packed-refs`;
    let sendLate: () => Promise<unknown> = () => Promise.reject(new Error("the write was never sent"));
    const hanging: ObjectStore = {
      ...world.store,
      pointers: {
        read: (name) => world.store.pointers.read(name),
        swap: (name, expected, bytes) => {
          if (name !== key) return world.store.pointers.swap(name, expected, bytes);
          sendLate = () => world.store.pointers.swap(name, expected, bytes);
          throw new Error("the connection hangs");
        },
      },
    };
    await expect(runEnvelope({ ...(await world.openRunner()), store: hanging }, envelope)).rejects.toThrow("hangs");
    expect(await endPermit(envelope, "revoked")).toBe("created");
    const receipt = await waitForReceipt(runEnvelope(await world.openRunner(), envelope, { attempt: 2 }));
    expect(receipt).toMatchObject({ status: "denied", code: "permit_revoked" });
    expect(await sendLate()).toMatchObject({ won: false });
    expect(await readTip(world, "feature/hanging")).toBeUndefined();
  });

  // An attempt at a registration was frozen before its write, and a retry recorded that the act ended.
  it("cannot be used by an earlier attempt for a registration that was recorded as ended, and the id stays free", async () => {
    const name = { tenant_id: TENANT, project_id: "P.frozen" };
    const [ended, another] = [randomUUID(), randomUUID()];
    expect(await recordEndedAct(world.store, name, ended, { registers: true })).toBe(true);
    expect(await readRefs(world.store, name)).toBeUndefined();
    expect(await registerRepository(world.store, name, ended)).toBe(false);
    expect(await registerRepository(world.store, name, another)).toBe(true);
    // An act on a project that nobody registered leaves nothing behind.
    const absent = { ...name, project_id: "P.absent" };
    expect(await recordEndedAct(world.store, absent, ended, { registers: false })).toBe(true);
    expect(await world.store.pointers.read(`repos/${TENANT}/P.absent.git/packed-refs`)).toBeUndefined();
    // The act that happened cannot be recorded as ended.
    expect(await recordEndedAct(world.store, name, another, { registers: true })).toBe(false);
  });

  it("is won by exactly one of many executions of one permit", async () => {
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
