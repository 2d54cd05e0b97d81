import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { CommandEnvelope } from "../../../src/domain/permit/envelope.js";
import { toClaimKey, toReceiptKey, toStagingKey } from "../../../src/domain/storage-key.js";
import type { RunnerDependencies } from "../../../src/lab512/runner/dependencies.js";
import { StorageFault } from "../../../src/storage/ports.js";
import { chooseExtent } from "../../harness/campaign.js";
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
import { createHookedStore, hookOnce, isWrite, type Operation, throwResponseLost, throwStoreDown } from "./store-hooks.js";
import { BACKENDS, hashContents, MAIN_BACKEND, openWorld, TENANT, type World } from "./world.js";

const PREFIX = `repos/${TENANT}/${PROJECT}.git`;
type Write = readonly [string, (envelope: CommandEnvelope) => (operation: Operation, key: string) => boolean];

/** Every write of a push, in order. */
const WRITES: readonly Write[] = [
  [
    "claim",
    ({ jti }) =>
      (_, key) =>
        key === toClaimKey(TENANT, jti),
  ],
  ["pack", () => (_, key) => key.startsWith(`${PREFIX}/objects/pack/`) && key.endsWith(".pack")],
  ["pack index", () => (_, key) => key.startsWith(`${PREFIX}/objects/pack/`) && key.endsWith(".idx")],
  ["refs", () => (_, key) => key === `${PREFIX}/packed-refs`],
  [
    "log",
    ({ jti }) =>
      (_, key) =>
        key.startsWith("artifacts/") && key.includes(jti),
  ],
  [
    "receipt",
    ({ jti }) =>
      (_, key) =>
        key === toReceiptKey(TENANT, jti),
  ],
  ["index", () => (_, key) => key.endsWith("/index.json")],
];

describe.each(BACKENDS)("a push over a %s store that fails", (backend) => {
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

  /** A write that never reached a store is the same on every backend, unlike one whose response was lost. */
  const unanswered = chooseExtent(backend === MAIN_BACKEND ? WRITES : [], WRITES);

  /** Builds a push of commits that no earlier test has stored. */
  const buildPush = async (branch: string) => {
    const clone = new Clone();
    commits += 1;
    const tip = clone.commit("a.txt", `text ${commits}\n`);
    return { tip, envelope: buildRunnerCommand(world, { job: await stagePushJob(world, clone.bundle("main"), { branch }) }) };
  };
  const name = (what: string) => what.replaceAll(" ", "-");

  it.each(WRITES)("recognises its own write of the %s when the response was lost", async (what, matches) => {
    const branch = `feature/lost-${name(what)}`;
    const { tip, envelope } = await buildPush(branch);
    const lost = hookOnce("after", (operation, key) => isWrite(operation) && matches(envelope)(operation, key), throwResponseLost);
    const receipt = await waitForReceipt(runEnvelope({ ...deps, store: createHookedStore(world.store, lost) }, envelope));
    expect(lost.hasHappened()).toBe(true);
    expect(receipt).toMatchObject({ status: "success", refs: [{ new: tip }] });
    expect(await readStoredReceipt(world, envelope.jti)).toEqual(receipt);
    expect(await readTip(world, branch)).toBe(tip);
  });

  it.each(unanswered)("succeeds on the second attempt when the write of the %s never reached the store", async (what, matches) => {
    const branch = `feature/unsent-${name(what)}`;
    const { tip, envelope } = await buildPush(branch);
    const unsent = hookOnce("before", (operation, key) => isWrite(operation) && matches(envelope)(operation, key), throwResponseLost);
    const first = await runEnvelope({ ...deps, store: createHookedStore(world.store, unsent) }, envelope).catch((error: unknown) => error);
    expect(unsent.hasHappened()).toBe(true);
    if (first instanceof Error) expect(first).toBeInstanceOf(StorageFault);
    const receipt = await waitForReceipt(runEnvelope(other, envelope, { attempt: 2 }));
    expect(receipt).toMatchObject({ status: "success", refs: [{ new: tip }] });
    expect(await readStoredReceipt(world, envelope.jti)).toEqual(receipt);
    expect(await readTip(world, branch)).toBe(tip);
  });

  it.each(unanswered.slice(0, 6))(
    "throws without a receipt when the store fails from the write of the %s, and succeeds when retried",
    async (what, matches) => {
      const branch = `feature/down-${name(what)}`;
      const { tip, envelope } = await buildPush(branch);
      let down = false;
      const failing = createHookedStore(world.store, {
        before: (operation, key) => {
          down ||= isWrite(operation) && matches(envelope)(operation, key);
          if (down) throwStoreDown(key);
        },
      });
      await expect(runEnvelope({ ...deps, store: failing }, envelope)).rejects.toMatchObject({ code: "unavailable" });
      expect(await world.store.blobs.stat(toReceiptKey(TENANT, envelope.jti))).toBeUndefined();
      const receipt = await waitForReceipt(runEnvelope(other, envelope, { attempt: 2 }));
      expect(receipt).toMatchObject({ status: "success", refs: [{ new: tip }] });
    },
  );

  it("throws and writes nothing when the store fails from the start", async () => {
    const { envelope } = await buildPush("feature/down");
    const before = await hashContents(world.store);
    const dead = createHookedStore(world.store, { before: (_, key) => throwStoreDown(key) });
    await expect(runEnvelope({ ...deps, store: dead }, envelope)).rejects.toMatchObject({ code: "unavailable" });
    expect(await hashContents(world.store)).toEqual(before);
  });

  it("throws instead of refusing when the staged bytes cannot be read", async () => {
    const { envelope } = await buildPush("feature/unreadable");
    const { params } = envelope;
    const hash = "subject_hash" in params ? params.subject_hash : "";
    const unreadable = hookOnce("before", (_, key) => key === toStagingKey(TENANT, hash), throwStoreDown);
    await expect(runEnvelope({ ...deps, store: createHookedStore(world.store, unreadable) }, envelope)).rejects.toBeInstanceOf(
      StorageFault,
    );
    expect((await waitForReceipt(runEnvelope(deps, envelope, { attempt: 2 }))).status).toBe("success");
  });
});
