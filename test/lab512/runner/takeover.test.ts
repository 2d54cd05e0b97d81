import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { computeAbandonedAtMs } from "../../../src/domain/act/derive-time.js";
import { toCanonicalBytes } from "../../../src/domain/bytes/canonical.js";
import { signObject } from "../../../src/domain/bytes/signature.js";
import { toEndedActRef } from "../../../src/domain/git/ref-name.js";
import type { CommandEnvelope } from "../../../src/domain/permit/envelope.js";
import type { Receipt } from "../../../src/domain/permit/receipt.js";
import { toClaimKey, toReceiptKey } from "../../../src/domain/storage-key.js";
import type { JobStep } from "../../../src/lab512/jobs/job.js";
import { GhostAttempt } from "../../../src/lab512/runner/claim-holding.js";
import type { RunnerDependencies } from "../../../src/lab512/runner/dependencies.js";
import { readRefs } from "../../../src/repository/refs/refs-state.js";
import { appendCharterEntry } from "../../../src/stack/founding/charter.js";
import { chooseExtent } from "../../harness/campaign.js";
import { Clone } from "../../repository/real-git.js";
import {
  approveJob,
  buildInitJob,
  buildRunnerCommand,
  buildTagJob,
  MAX_RUN_MS,
  PROJECT,
  readStoredReceipt,
  readTip,
  registerByRunner,
  runEnvelope,
  stagePushJob,
  waitForReceipt,
  waitForRefusal,
} from "./commands.js";
import { createHookedStore, hookOnce, type Operation } from "./store-hooks.js";
import { createWorldKey, MAIN_BACKEND, openWorld, TENANT, type World } from "./world.js";

const STEPS: readonly JobStep[] = ["claimed", "looked", "fetched", "checked", "stored", "moved", "logged", "receipted", "derived"];
/** A push is interrupted after every step, the other acts in the suite after one of each kind: with nothing done, stored, moved and answered. */
const SOME_STEPS = chooseExtent<readonly JobStep[]>(["claimed", "stored", "moved", "receipted"], STEPS);
const BEFORE_THE_RECEIPT: readonly JobStep[] = STEPS.slice(0, STEPS.indexOf("receipted"));

describe("a retry after the death of a Runner", () => {
  let world: World;
  let deps: RunnerDependencies;
  let clone: Clone;
  let first: string;
  let second: string;

  beforeAll(async () => {
    world = await openWorld(MAIN_BACKEND);
    deps = await world.openRunner();
    await registerByRunner(world, deps);
    clone = new Clone();
    first = clone.commit("a.txt", "one\n");
    clone.git("branch", "first");
    second = clone.commit("a.txt", "two\n");
  });
  afterAll(() => world.close());

  /** Runs each command on one Runner that dies right after the given step. */
  const dieAfter = async (deaths: readonly { readonly step: JobStep; readonly envelope: CommandEnvelope; readonly attempt?: number }[]) => {
    const fatal = new Map(deaths.map(({ step, envelope }) => [envelope.jti, step]));
    const dying = await world.openRunner({
      onStep: (jti, done) => {
        if (fatal.get(jti) === done) throw new Error(`died after ${done}`);
      },
    });
    for (const { step, envelope, attempt = 1 } of deaths)
      await expect(runEnvelope(dying, envelope, { attempt })).rejects.toThrow(`died after ${step}`);
    await (await dying.getRepositories(TENANT)).close();
  };
  /** Runs each command again at the same time, on one new Runner. */
  const retryAll = async <D extends { readonly step: JobStep; readonly envelope: CommandEnvelope }>(
    deaths: readonly D[],
    runner?: RunnerDependencies,
  ) => {
    const fresh = runner ?? (await world.openRunner());
    const retried = await Promise.all(
      deaths.map(async (death) => ({ ...death, receipt: await waitForReceipt(runEnvelope(fresh, death.envelope, { attempt: 2 })) })),
    );
    for (const { step, envelope, receipt } of retried) {
      expect(receipt.status, `${step}: ${receipt.error}`).toBe("success");
      expect(await readStoredReceipt(world, envelope.jti), step).toEqual(receipt);
    }
    return { retried, fresh };
  };
  const pushFirst = (branch: string) => stagePushJob(world, clone.bundle("first"), { branch });
  const readJson = async (key: string) => JSON.parse(Buffer.from((await world.store.blobs.get(key)) ?? []).toString("utf8"));

  it("finishes a push that was interrupted after any step, with one receipt and one result", async () => {
    const deaths = await Promise.all(
      STEPS.map(async (step) => {
        const branch = `feature/${step}`;
        return { step, branch, envelope: buildRunnerCommand(world, { job: await pushFirst(branch) }) };
      }),
    );
    await dieAfter(deaths);
    for (const { step, envelope } of deaths)
      expect((await readStoredReceipt(world, envelope.jti)) === undefined, step).toBe(BEFORE_THE_RECEIPT.includes(step));
    const { retried, fresh } = await retryAll(deaths);
    const index = await readJson(`registry-metadata/${TENANT}/projects/P.demo/index.json`);
    for (const { step, branch, envelope, receipt } of retried) {
      expect(receipt.refs, step).toEqual([{ name: `refs/heads/${branch}`, old: "0".repeat(40), new: first }]);
      expect(await readTip(world, branch), step).toBe(first);
      expect(index.refs, step).toContainEqual({ name: `refs/heads/${branch}`, id: first });
      // A third attempt returns the same receipt.
      expect(await waitForReceipt(runEnvelope(fresh, envelope, { attempt: 3 })), step).toEqual(receipt);
    }
  });

  it("finishes a push that was interrupted after each step in turn", async () => {
    const envelope = buildRunnerCommand(world, { job: await pushFirst("feature/unlucky") });
    // After `moved` the earlier steps are not repeated.
    for (const [at, step] of STEPS.entries()) await dieAfter([{ step, envelope, attempt: at + 1 }]);
    const receipt = await waitForReceipt(runEnvelope(await world.openRunner(), envelope, { attempt: 20 }));
    expect(receipt.status).toBe("success");
    expect(await readTip(world, "feature/unlucky")).toBe(first);
  });

  it("finishes a registration that was interrupted after any step, with one receipt and one project", async () => {
    const deaths = await Promise.all(
      SOME_STEPS.map(async (step) => {
        const project = `P.reg-${step}`;
        const job = buildInitJob(project);
        return { step, project, envelope: buildRunnerCommand(world, { job, scopes: await approveJob(world, deps, job) }) };
      }),
    );
    await dieAfter(deaths);
    const { retried } = await retryAll(deaths);
    for (const { step, project } of retried) {
      const pushed = await stagePushJob(world, clone.bundle("first"), { branch: "feature/x", project_id: project });
      expect((await waitForReceipt(runEnvelope(deps, buildRunnerCommand(world, { job: pushed })))).status, step).toBe("success");
    }
  });

  it("finishes a release that was interrupted after any step, with one tag and one manifest", async () => {
    await waitForReceipt(runEnvelope(deps, buildRunnerCommand(world, { job: await pushFirst("feature/tagged") })));
    const fresh = await world.openRunner();
    for (const [at, step] of SOME_STEPS.entries()) {
      const tag = `v1.0.${at}`;
      const job = buildTagJob({ commit: first, tag });
      // A plan depends on the tags that there are, and a retry makes it again: each release ends before the next begins.
      const envelope = buildRunnerCommand(world, { job, scopes: await approveJob(world, deps, job, "L4") });
      await dieAfter([{ step, envelope }]);
      const receipt = (await retryAll([{ step, envelope }], fresh)).retried[0]?.receipt;
      const manifest = await readJson(`registry-metadata/${TENANT}/releases/P.demo/${tag}/manifest.json`);
      expect(manifest, step).toMatchObject({ tag, commit: first, tag_object: receipt?.refs[0]?.new, receipt });
    }
  });

  it("succeeds and reports its own refs although another push has moved them since", async () => {
    const branch = "feature/moved-on";
    const envelope = buildRunnerCommand(world, { job: await pushFirst(branch) });
    const { jti: previous_act } = await waitForReceipt(
      runEnvelope(deps, buildRunnerCommand(world, { job: await pushFirst("feature/before") })),
    );
    await dieAfter([{ step: "moved", envelope }]);
    const next = await stagePushJob(world, clone.bundle("main", [first]), { branch, expected_old: first });
    expect((await waitForReceipt(runEnvelope(deps, buildRunnerCommand(world, { job: next })))).status).toBe("success");
    const receipt = await waitForReceipt(runEnvelope(await world.openRunner(), envelope, { attempt: 2 }));
    expect(receipt).toMatchObject({ status: "success", refs: [{ old: "0".repeat(40), new: first }], previous_act });
    expect(receipt.artifacts.map((artifact) => JSON.parse(artifact))).toEqual([{ branch, commit: first }]);
    expect(await readTip(world, branch)).toBe(second);
  });

  it("succeeds although the branch has been deleted and recreated since", async () => {
    const branch = "feature/reborn";
    const envelope = buildRunnerCommand(world, { job: await pushFirst(branch) });
    await dieAfter([{ step: "moved", envelope }]);
    const gone = await stagePushJob(world, new Uint8Array(0), { branch, expected_old: first, delete: true });
    expect((await waitForReceipt(runEnvelope(deps, buildRunnerCommand(world, { job: gone })))).status).toBe("success");
    expect((await waitForReceipt(runEnvelope(await world.openRunner(), envelope, { attempt: 2 }))).status).toBe("success");
    expect(await readTip(world, branch)).toBeUndefined();
  });

  describe("of an execution that somebody ended", () => {
    /** Longer than the interval at which an attempt checks its claim. */
    const FREEZE_MS = 400;
    const ABANDONED_MS = computeAbandonedAtMs(0, MAX_RUN_MS);
    /** Another execution of the same command, as LAB 256 schedules it. */
    const OTHER = { workflow_id: "finish", run_id: "another", attempt: 1_000_001 } as const;

    /** Runs `work` with Runners whose clock is ahead. */
    const ahead = async <T>(ms: number, work: () => Promise<T>): Promise<T> => {
      world.clock.offsetMs += ms;
      try {
        return await work();
      } finally {
        world.clock.offsetMs -= ms;
      }
    };
    const endAfter = async (step: JobStep, branch: string) => {
      const envelope = buildRunnerCommand(world, { job: await pushFirst(branch) });
      await dieAfter([{ step, envelope }]);
      return envelope;
    };

    it("is denied to another execution while the claim's attempt may be running, and changes nothing", async () => {
      const envelope = await endAfter("moved", "feature/in-time");
      const claim = await readJson(toClaimKey(TENANT, envelope.jti));
      const refused = () => waitForRefusal(runEnvelope(deps, envelope, OTHER));
      expect((await refused()).code).toBe("permit_used");
      await ahead(ABANDONED_MS - 60_000, async () => expect((await refused()).code).toBe("permit_expired"));
      expect(await readJson(toClaimKey(TENANT, envelope.jti))).toEqual(claim);
      expect(await readStoredReceipt(world, envelope.jti)).toBeUndefined();
      // Its own execution is not held up.
      expect((await waitForReceipt(runEnvelope(deps, envelope, { attempt: 2 }))).status).toBe("success");
    });

    it("gives an act that had moved refs the receipt of what it moved", async () => {
      const envelope = await endAfter("moved", "feature/ended-late");
      const receipt = await ahead(ABANDONED_MS, () => waitForReceipt(runEnvelope(deps, envelope, OTHER)));
      expect(receipt).toMatchObject({ status: "success", refs: [{ old: "0".repeat(40), new: first }] });
      expect(await readTip(world, "feature/ended-late")).toBe(first);
      // Any further execution reads that receipt, and so does the one that was ended.
      const again = (execution: object) => ahead(ABANDONED_MS, () => waitForReceipt(runEnvelope(deps, envelope, execution)));
      expect(await again({ ...OTHER, run_id: "a-third" })).toEqual(receipt);
      expect(await again({ attempt: 2 })).toEqual(receipt);
      expect(await readStoredReceipt(world, envelope.jti)).toEqual(receipt);
    });

    it("ends an act that had only fetched, and moves no ref", async () => {
      const envelope = await endAfter("fetched", "feature/ended-early");
      const receipt = await ahead(ABANDONED_MS, () => waitForReceipt(runEnvelope(deps, envelope, OTHER)));
      expect(receipt).toMatchObject({ status: "error", code: "run_time_exceeded", refs: [] });
      expect(await readTip(world, "feature/ended-early")).toBeUndefined();
      const refs = await readRefs(world.store, { tenant_id: TENANT, project_id: PROJECT });
      expect(refs?.refs.has(toEndedActRef(envelope.jti))).toBe(true);
    });

    it("is denied for every other envelope with the same permit, even by a new permit, and by a claim that no Runner signed", async () => {
      // Nobody can act in this project afterwards.
      await registerByRunner(world, deps, "P.forged");
      const job = await stagePushJob(world, clone.bundle("first"), { branch: "feature/x", project_id: "P.forged" });
      const envelope = buildRunnerCommand(world, { job });
      await dieAfter([{ step: "moved", envelope }]);
      const key = toClaimKey(TENANT, envelope.jti);
      const [pointed, claim] = [await world.store.pointers.read(key), await readJson(key)];
      await ahead(ABANDONED_MS, async () => {
        // LAB 256 signs what it likes: a permit that is still valid, or one that lets a claim seem abandoned sooner.
        const { jti } = envelope;
        for (const permit of [{ jti }, { jti, max_run_ms: 1 }])
          expect((await waitForRefusal(runEnvelope(deps, buildRunnerCommand(world, { job, permit }), OTHER))).code).toBe("permit_used");
        expect((await waitForRefusal(runEnvelope(deps, { ...envelope, jobId: "another-job" }, OTHER))).code).toBe("permit_expired");
        expect(await readJson(key)).toEqual(claim);
        expect(await readStoredReceipt(world, jti)).toBeUndefined();
        const { kid: _, sig: __, ...unsigned } = claim;
        const forged = toCanonicalBytes(signObject("claim", unsigned, createWorldKey()));
        expect(await world.store.pointers.swap(key, pointed?.version ?? null, forged)).toMatchObject({ won: true });
        expect((await waitForRefusal(runEnvelope(deps, envelope, OTHER))).code).toBe("permit_expired");
        expect(await readStoredReceipt(world, jti)).toBeUndefined();
      });
    });

    it("needs the approvals of the claim, without which it takes nothing over", async () => {
      const tag = buildTagJob({ commit: first, tag: "v2.0.0" });
      const envelope = buildRunnerCommand(world, { job: tag, scopes: await approveJob(world, deps, tag, "L4") });
      await dieAfter([{ step: "moved", envelope }]);
      const claim = await readJson(toClaimKey(TENANT, envelope.jti));
      await ahead(ABANDONED_MS, async () => {
        await expect(runEnvelope(deps, envelope, OTHER, null)).rejects.toThrow("came without the statement");
        expect(await readJson(toClaimKey(TENANT, envelope.jti))).toEqual(claim);
        expect((await waitForReceipt(runEnvelope(deps, envelope, OTHER))).status).toBe("success");
      });
    });

    it.each([
      { when: "before it moves the refs", status: "error", tip: () => undefined },
      { when: "before its receipt", status: "success", tip: () => first },
    ])("lets the first attempt lose that was frozen $when and wakes", async ({ when, status, tip }) => {
      const branch = `feature/frozen-${when.replaceAll(" ", "-")}`;
      const envelope = buildRunnerCommand(world, { job: await pushFirst(branch) });
      const isPoint = (operation: Operation, key: string) =>
        status === "error" ? operation === "swap" && key.endsWith("/packed-refs") : key === toReceiptKey(TENANT, envelope.jti);
      let receipt: Receipt | undefined;
      const freeze = hookOnce("before", isPoint, async () => {
        receipt = await ahead(ABANDONED_MS, () => waitForReceipt(runEnvelope(deps, envelope, OTHER)));
        await delay(FREEZE_MS);
      });
      const frozen = await world.openRunner({ store: createHookedStore(world.store, freeze) });
      await expect(runEnvelope(frozen, envelope)).rejects.toThrow(GhostAttempt);
      expect(receipt?.status).toBe(status);
      expect(await readStoredReceipt(world, envelope.jti)).toEqual(receipt);
      expect(await readTip(world, branch)).toBe(tip());
    });

    it("ends with one receipt although several executions carry it on at once", async () => {
      const envelopes = await Promise.all((["claimed", "moved"] as const).map((step) => endAfter(step, `feature/raced-${step}`)));
      const fresh = await world.openRunner();
      for (const envelope of envelopes) {
        const race = async (run_id: string, runner: RunnerDependencies) => {
          for (let attempt = OTHER.attempt; ; attempt += 1)
            try {
              return await waitForReceipt(runEnvelope(runner, envelope, { ...OTHER, run_id, attempt }));
            } catch (error) {
              if (!(error instanceof GhostAttempt)) throw error;
              await delay(Math.random() * 200 * (attempt - OTHER.attempt + 1));
            }
        };
        const receipts = await ahead(ABANDONED_MS, () => Promise.all([race("a", deps), race("b", fresh), race("c", deps)]));
        for (const receipt of receipts) expect(await readStoredReceipt(world, envelope.jti)).toEqual(receipt);
      }
      expect(await Promise.all(["claimed", "moved"].map((step) => readTip(world, `feature/raced-${step}`)))).toEqual([undefined, first]);
    });
  });

  // The last one, because it rotates the key. Otherwise the act would never get its receipt, and nobody could tell any more who pushed to the project.
  it("succeeds with another receipt key, if the key of the Runner that died was revoked since", async () => {
    const envelope = buildRunnerCommand(world, { job: await pushFirst("feature/rotated") });
    await dieAfter([{ step: "moved", envelope }]);
    const [key, foundingKey] = [createWorldKey(), world.keys.founding.get(TENANT)];
    if (foundingKey === undefined) throw new Error("The tenant has no founding key.");
    await appendCharterEntry(world.store, TENANT, foundingKey, {
      jobType: "registry.keys.rotate",
      params: { add: [{ use: "receipt", jwk: key.jwk, revoked: false }], revoke: [world.keys.receipt.kid] },
    });
    const receipt = await waitForReceipt(runEnvelope(await world.openRunner({ receiptKey: key }), envelope, { attempt: 2 }));
    expect(receipt).toMatchObject({ status: "success", kid: key.kid });
    expect(await readTip(world, "feature/rotated")).toBe(first);
  });
});
