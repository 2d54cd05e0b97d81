import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { CommandEnvelope } from "../../../src/domain/permit/envelope.js";
import { toClaimKey, toReceiptKey, toStagingKey } from "../../../src/domain/storage-key.js";
import type { RunnerDependencies } from "../../../src/lab512/runner/dependencies.js";
import { StorageFault } from "../../../src/storage/ports.js";
import { Clone } from "../../repository/real-git.js";
import { command, PROJECT, pushJob, receiptOf, register, run, storedReceipt, tipOf } from "./commands.js";
import { answerLost, hookedStore, isWrite, type Operation, once, storeDown } from "./store-hooks.js";
import { BACKENDS, contents, openWorld, TENANT, type World } from "./world.js";

const PREFIX = `repos/${TENANT}/${PROJECT}.git`;
type Write = readonly [string, (envelope: CommandEnvelope) => (operation: Operation, key: string) => boolean];

/** Every write of a push, in the order in which they come. */
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
    [deps, other] = [await world.runner(), await world.runner()];
    await register(world, deps);
  });
  afterAll(() => world.close());

  /** A history of its own, so that no earlier test has stored its objects. */
  const pushOf = async (branch: string) => {
    const clone = new Clone();
    commits += 1;
    const tip = clone.commit("a.txt", `text ${commits}\n`);
    return { tip, envelope: command(world, { job: await pushJob(world, clone.bundle("main"), { branch }) }) };
  };
  const name = (what: string) => what.replaceAll(" ", "-");

  it.each(WRITES)("recognises its own write of the %s whose answer was lost", async (what, matches) => {
    const branch = `feature/lost-${name(what)}`;
    const { tip, envelope } = await pushOf(branch);
    const lost = once("after", (operation, key) => isWrite(operation) && matches(envelope)(operation, key), answerLost);
    const receipt = await receiptOf(run({ ...deps, store: hookedStore(world.store, lost) }, envelope));
    expect(lost.happened()).toBe(true);
    expect(receipt).toMatchObject({ status: "success", refs: [{ new: tip }] });
    expect(await storedReceipt(world, envelope.jti)).toEqual(receipt);
    expect(await tipOf(world, branch)).toBe(tip);
  });

  it.each(WRITES)("throws or goes on, and never lies, when the write of the %s never arrived", async (what, matches) => {
    const branch = `feature/unsent-${name(what)}`;
    const { tip, envelope } = await pushOf(branch);
    const unsent = once("before", (operation, key) => isWrite(operation) && matches(envelope)(operation, key), answerLost);
    const first = await run({ ...deps, store: hookedStore(world.store, unsent) }, envelope).catch((error: unknown) => error);
    expect(unsent.happened()).toBe(true);
    if (first instanceof Error) expect(first).toBeInstanceOf(StorageFault);
    const receipt = await receiptOf(run(other, envelope, { attempt: 2 }));
    expect(receipt).toMatchObject({ status: "success", refs: [{ new: tip }] });
    expect(await storedReceipt(world, envelope.jti)).toEqual(receipt);
    expect(await tipOf(world, branch)).toBe(tip);
  });

  it.each(WRITES.slice(0, 6))("throws for a retry and leaves no receipt when the store is down from the %s on", async (what, matches) => {
    const branch = `feature/down-${name(what)}`;
    const { tip, envelope } = await pushOf(branch);
    let down = false;
    const failing = hookedStore(world.store, {
      before: (operation, key) => {
        down ||= isWrite(operation) && matches(envelope)(operation, key);
        if (down) storeDown(key);
      },
    });
    await expect(run({ ...deps, store: failing }, envelope)).rejects.toMatchObject({ code: "unavailable" });
    expect(await world.store.blobs.stat(toReceiptKey(TENANT, envelope.jti))).toBeUndefined();
    const receipt = await receiptOf(run(other, envelope, { attempt: 2 }));
    expect(receipt).toMatchObject({ status: "success", refs: [{ new: tip }] });
  });

  it("throws when the store is down from the start, and writes nothing", async () => {
    const { envelope } = await pushOf("feature/down");
    const before = await contents(world.store);
    const dead = hookedStore(world.store, { before: (_, key) => storeDown(key) });
    await expect(run({ ...deps, store: dead }, envelope)).rejects.toMatchObject({ code: "unavailable" });
    expect(await contents(world.store)).toEqual(before);
  });

  it("refuses nothing because staged bytes cannot be read just now", async () => {
    const { envelope } = await pushOf("feature/unreadable");
    const { params } = envelope;
    const hash = "subject_hash" in params ? params.subject_hash : "";
    const blind = once("before", (_, key) => key === toStagingKey(TENANT, hash), storeDown);
    await expect(run({ ...deps, store: hookedStore(world.store, blind) }, envelope)).rejects.toBeInstanceOf(StorageFault);
    expect((await receiptOf(run(deps, envelope, { attempt: 2 }))).status).toBe("success");
  });
});
