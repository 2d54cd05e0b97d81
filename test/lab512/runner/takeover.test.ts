import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { CommandEnvelope } from "../../../src/domain/permit/envelope.js";
import type { JobStep } from "../../../src/lab512/jobs/job.js";
import type { RunnerDependencies } from "../../../src/lab512/runner/dependencies.js";
import { appendCharterEntry } from "../../../src/stack/founding/charter.js";
import { Clone } from "../../repository/real-git.js";
import {
  approveJob,
  buildInitJob,
  buildRunnerCommand,
  buildTagJob,
  readStoredReceipt,
  readTip,
  registerByRunner,
  runEnvelope,
  stagePushJob,
  waitForReceipt,
} from "./commands.js";
import { createWorldKey, MAIN_BACKEND, openWorld, TENANT, type World } from "./world.js";

const STEPS: readonly JobStep[] = ["claimed", "looked", "fetched", "checked", "stored", "moved", "logged", "receipted", "derived"];
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
    await dying.getRepositories(TENANT).close();
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
      STEPS.map(async (step) => {
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
    for (const [at, step] of STEPS.entries()) {
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
