import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ZERO_ID } from "../../../src/domain/git/git-id.js";
import type { CommandEnvelope } from "../../../src/domain/permit/envelope.js";
import { toClaimKey, toReceiptKey, toStagingKey } from "../../../src/domain/storage-key.js";
import { GhostAttempt } from "../../../src/lab512/runner/claim-holding.js";
import type { RunnerDependencies } from "../../../src/lab512/runner/dependencies.js";
import { Clone } from "../../repository/real-git.js";
import {
  buildRunnerCommand,
  PROJECT,
  readStoredReceipt,
  readTip,
  registerByRunner,
  runEnvelope,
  stagePushJob,
  waitForReceipt,
} from "./commands.js";
import { createHookedStore, hookOnce, type Operation } from "./store-hooks.js";
import { BACKENDS, hashContents, openWorld, TENANT, type World } from "./world.js";

/** Longer than the interval at which an attempt checks its claim. */
const FREEZE_MS = 400;

describe.each(BACKENDS)("an attempt that resumes after another took over, on the %s store", (backend) => {
  let world: World;
  let deps: RunnerDependencies;
  let other: RunnerDependencies;
  let commits = 0;

  beforeAll(async () => {
    world = await openWorld(backend);
    [deps, other] = [await world.openRunner(), await world.openRunner()];
    await registerByRunner(world, deps);
  });
  afterAll(() => world.close());

  type Point = readonly ["before" | "after", (envelope: CommandEnvelope) => (operation: Operation, key: string) => boolean];
  const POINTS: Readonly<Record<string, Point>> = {
    "after its claim": [
      "after",
      ({ jti }) =>
        (operation, key) =>
          operation === "swap" && key === toClaimKey(TENANT, jti),
    ],
    "while it fetches": [
      "before",
      ({ params }) =>
        (operation, key) =>
          operation === "get" && "subject_hash" in params && key === toStagingKey(TENANT, params.subject_hash),
    ],
    "while it stores": ["before", () => (operation, key) => operation === "create" && key.endsWith(".pack")],
    "before it moves the refs": ["before", () => (operation, key) => operation === "swap" && key === packedRefs],
    "after it moved the refs": ["after", () => (operation, key) => operation === "swap" && key === packedRefs],
    "while it keeps its log": [
      "before",
      ({ jti }) =>
        (operation, key) =>
          operation === "create" && key.startsWith("artifacts/") && key.includes(jti),
    ],
    "after its receipt": [
      "after",
      ({ jti }) =>
        (operation, key) =>
          operation === "create" && key === toReceiptKey(TENANT, jti),
    ],
  };
  const packedRefs = `repos/${TENANT}/${PROJECT}.git/packed-refs`;

  it.each(Object.keys(POINTS))("changes nothing if it was frozen %s", async (name) => {
    const [when, matches] = POINTS[name] as Point;
    const branch = `feature/${name.replaceAll(" ", "-")}`;
    const clone = new Clone();
    commits += 1;
    const tip = clone.commit("a.txt", `text ${commits}\n`);
    const envelope = buildRunnerCommand(world, { job: await stagePushJob(world, clone.bundle("main"), { branch }) });
    let second: Awaited<ReturnType<typeof waitForReceipt>> | undefined;
    let before: Record<string, string> = {};
    const freeze = hookOnce(when, matches(envelope), async () => {
      second = await waitForReceipt(runEnvelope(other, envelope, { attempt: 2 }));
      await new Promise((resolve) => setTimeout(resolve, FREEZE_MS));
      before = await hashContents(world.store, ["artifacts"]);
    });
    await expect(runEnvelope({ ...deps, store: createHookedStore(world.store, freeze) }, envelope)).rejects.toThrow(GhostAttempt);
    expect(freeze.hasHappened()).toBe(true);
    expect(second?.status).toBe("success");
    expect(await hashContents(world.store, ["artifacts"])).toEqual(before);
    expect(await readStoredReceipt(world, envelope.jti)).toEqual(second);
    expect(await readTip(world, branch)).toBe(tip);
  });

  it("stores no error receipt after the other attempt has moved the refs", async () => {
    const branch = "feature/back-again";
    const clone = new Clone();
    const base = clone.commit("a.txt", "base\n");
    clone.git("branch", "base");
    const tip = clone.commit("a.txt", "tip\n");
    const push = async (ref: string, expected_old: string, more = {}) =>
      buildRunnerCommand(world, { job: await stagePushJob(world, clone.bundle(ref), { branch, expected_old, ...more }) });
    await waitForReceipt(runEnvelope(deps, await push("base", ZERO_ID)));
    await waitForReceipt(runEnvelope(deps, await push("main", base)));
    // The branch is not at the expected commit, so the first attempt fails. It freezes before it writes its receipt.
    const envelope = await push("main", base, { commit_summary: "Again" });
    const freeze = hookOnce(
      "before",
      (operation, key) => operation === "create" && key.startsWith("artifacts/") && key.includes(envelope.jti),
      async () => {
        await waitForReceipt(runEnvelope(deps, await push("base", tip, { force: true })));
        const dying = await world.openRunner({
          onStep: (_, step) => {
            if (step === "moved") throw new Error("died");
          },
        });
        await expect(runEnvelope(dying, envelope, { attempt: 2 })).rejects.toThrow("died");
      },
    );
    await expect(runEnvelope({ ...deps, store: createHookedStore(world.store, freeze) }, envelope)).rejects.toThrow(GhostAttempt);
    expect(await readStoredReceipt(world, envelope.jti)).toBeUndefined();
    const receipt = await waitForReceipt(runEnvelope(deps, envelope, { attempt: 3 }));
    expect(receipt).toMatchObject({ status: "success", refs: [{ old: base, new: tip }] });
  });
});
