import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import type { Job } from "../../../src/domain/act/job.js";
import { toCanonicalBytes } from "../../../src/domain/bytes/canonical.js";
import type { CharterEntry } from "../../../src/domain/charter/entry.js";
import type { CommandEnvelope } from "../../../src/domain/permit/envelope.js";
import type { Receipt } from "../../../src/domain/permit/receipt.js";
import { toCharterKey, toPermitEndKey } from "../../../src/domain/storage-key.js";
import { GhostAttempt } from "../../../src/lab512/runner/claim-holding.js";
import type { RunnerDependencies } from "../../../src/lab512/runner/dependencies.js";
import { appendCharterEntry } from "../../../src/stack/founding/charter.js";
import { approveJob, buildRunnerCommand, readStoredReceipt, runEnvelope, waitForReceipt, waitForRefusal } from "./commands.js";
import { toActorId, toPersonId } from "./members.js";
import { createHookedStore, hookOnce } from "./store-hooks.js";
import { createWorldKey, openWorld, TENANT, type World } from "./world.js";

/** Longer than the interval at which an attempt checks its claim. */
const FREEZE_MS = 400;

let world: World;
let deps: RunnerDependencies;
let other: RunnerDependencies;
let version: number;
beforeAll(async () => {
  world = await openWorld();
  [deps, other] = [await world.openRunner(), await world.openRunner()];
});
afterAll(() => world.close());
beforeEach(async () => {
  version = (await readCharter()).version;
});

async function readCharter() {
  const charter = await (await world.openRunner()).charters.readNewest(TENANT);
  if (!charter.ok) throw new Error(charter.denial.message);
  return charter.value;
}
const readEntry = async (at: number): Promise<CharterEntry> =>
  JSON.parse(Buffer.from((await world.store.blobs.get(toCharterKey(TENANT, at))) ?? []).toString("utf8"));

/** A change of a member who has no passkey and no office; each call names another person. */
let newcomers = 0;
function buildJob(): Job {
  newcomers += 1;
  const person = { name: `Newcomer ${newcomers}`, emails: [], passkeys: [], disabled: false };
  const params = { project_id: "_" as const, persons: { [toPersonId(`new${newcomers}`)]: person }, actors: {} };
  return { jobType: "registry.members.change", params };
}
const buildCommand = async (job: Job, level: "L3" | "L4" | "L5" = "L3"): Promise<CommandEnvelope> =>
  buildRunnerCommand(world, { job, scopes: await approveJob(world, deps, job, level, "office:registry") });

/** Appends an entry of the founding key. */
function appendFounded(change: CharterEntry["change"]) {
  const founding = world.keys.founding.get(TENANT);
  if (founding === undefined) throw new Error("no founding key");
  return appendCharterEntry(world.store, TENANT, founding, change);
}

/** Ends the permit as LAB 256 does. */
function endPermit({ jti }: CommandEnvelope) {
  const end = { tenant_id: TENANT, jti, end: "revoked", reason: "For the test.", ended_at: Date.now() };
  return world.store.blobs.create(toPermitEndKey(TENANT, jti), toCanonicalBytes(end));
}

const isEntryCreate = (operation: string, key: string) => operation === "create" && key === toCharterKey(TENANT, version + 1);

/** Runs the command on a Runner that freezes right before it creates its entry, while `meanwhile` runs. */
async function runFrozen(envelope: CommandEnvelope, meanwhile: () => Promise<void>): Promise<Awaited<ReturnType<typeof runEnvelope>>> {
  const freeze = hookOnce("before", isEntryCreate, async () => {
    await meanwhile();
    await new Promise((resolve) => setTimeout(resolve, FREEZE_MS));
  });
  try {
    return await runEnvelope({ ...deps, store: createHookedStore(world.store, freeze) }, envelope);
  } finally {
    expect(freeze.hasHappened()).toBe(true);
  }
}

it("an approved change of members becomes the next entry, and its receipt names it", async () => {
  const receipt = await waitForReceipt(runEnvelope(deps, await buildCommand(buildJob())));
  expect(receipt).toMatchObject({ status: "success", refs: [], previous_act: null, project_id: "_" });
  expect(receipt.artifacts.map((one) => JSON.parse(one))).toEqual([
    { kind: "charter", key: toCharterKey(TENANT, version + 1), version: version + 1 },
  ]);
  expect((await readEntry(version + 1)).authority.kind).toBe("act");
  expect((await readCharter()).version).toBe(version + 1);
});

// LAB 256 has its keys and no approver's passkey.
it("a change that gives power is refused at a lower level, and without the approvals of that level", async () => {
  const power = { ...world.members.params.persons[toPersonId("bob")], name: "Bobby" };
  const job = {
    jobType: "registry.members.change",
    params: { project_id: "_", persons: { [toPersonId("bob")]: power }, actors: {} },
  } as Job;
  const lower = await waitForRefusal(runEnvelope(deps, await buildCommand(job, "L3")));
  expect(lower).toMatchObject({ code: "decision_differs", error: expect.stringMatching(/the act is L5/) });
  const scopes = { ...(await approveJob(world, deps, job, "L4", "office:registry")), level: "L5" } as const;
  expect((await waitForRefusal(runEnvelope(deps, buildRunnerCommand(world, { job, scopes })))).code).toBe("approval_missing");
  expect((await readCharter()).version).toBe(version);
});

it.each(["claimed", "looked", "checked", "stored", "moved", "logged", "receipted"] as const)(
  "a Runner that dies after the step %s is followed by one that finishes the act once",
  async (step) => {
    const envelope = await buildCommand(buildJob());
    const dying = await world.openRunner({
      onStep: (_, done) => {
        if (done === step) throw new Error("died");
      },
    });
    await expect(runEnvelope(dying, envelope)).rejects.toThrow("died");
    const receipt = await waitForReceipt(runEnvelope(other, envelope, { attempt: 2 }));
    expect(receipt.status, receipt.error).toBe("success");
    expect((await readCharter()).version).toBe(version + 1);
  },
);

it("an attempt that was frozen before its write changes nothing after another one finished the act", async () => {
  const envelope = await buildCommand(buildJob());
  let second: Receipt | undefined;
  const frozen = runFrozen(envelope, async () => {
    second = await waitForReceipt(runEnvelope(other, envelope, { attempt: 2 }));
  });
  await expect(frozen).rejects.toThrow(GhostAttempt);
  expect(second?.status).toBe("success");
  expect(await readStoredReceipt(world, envelope.jti)).toEqual(second);
  expect((await readCharter()).version).toBe(version + 1);
});

// The permit is revoked while the first attempt hangs. Its write would land after the receipt that says that nothing happened.
it("an attempt that was frozen before its write cannot carry out an act that has ended meanwhile", async () => {
  const job = buildJob();
  const envelope = await buildCommand(job);
  let second: Receipt | undefined;
  const frozen = runFrozen(envelope, async () => {
    await endPermit(envelope);
    second = await waitForReceipt(runEnvelope(other, envelope, { attempt: 2 }));
  });
  await expect(frozen).rejects.toThrow(GhostAttempt);
  expect(second).toMatchObject({ status: "denied", code: "permit_revoked" });
  expect((await readEntry(version + 1)).change).toEqual({ jobType: "registry.charter.end_act", params: { jti: envelope.jti } });
  const charter = await readCharter();
  expect(charter.version).toBe(version + 1);
  expect(charter.find("person", toPersonId(`new${newcomers}`))).toBeUndefined();
});

it("an act that was recorded as ended stays so for the attempt that follows one without a receipt", async () => {
  const envelope = await buildCommand(buildJob());
  const dieAfter = async (step: string) => {
    const onStep = (_: string, done: string) => {
      if (done === step) throw new Error("died");
    };
    return { ...(await world.openRunner()), onStep };
  };
  await expect(runEnvelope(await dieAfter("claimed"), envelope)).rejects.toThrow("died");
  await endPermit(envelope);
  await expect(runEnvelope(await dieAfter("logged"), envelope, { attempt: 2 })).rejects.toThrow("died");
  expect((await readEntry(version + 1)).change.jobType).toBe("registry.charter.end_act");
  const receipt = await waitForReceipt(runEnvelope(other, envelope, { attempt: 3 }));
  expect(receipt.status).not.toBe("success");
  expect((await readCharter()).version).toBe(version + 1);
});

// The receipt key is rotated while an act hangs. An end that a revoked key signs would make the charter unreadable for everybody.
it("a Runner whose key was revoked meanwhile records no end, and the charter stays readable", async () => {
  const [own, next] = [createWorldKey(), createWorldKey()];
  await appendFounded({ jobType: "registry.keys.rotate", params: { add: [{ use: "receipt", jwk: own.jwk, revoked: false }], revoke: [] } });
  const envelope = await buildCommand(buildJob());
  const late = await world.openRunner({ receiptKey: own });
  const onStep = async (_: string, step: string) => {
    if (step !== "looked" || world.clock.offsetMs > 0) return;
    await appendFounded({
      jobType: "registry.keys.rotate",
      params: { add: [{ use: "receipt", jwk: next.jwk, revoked: false }], revoke: [own.kid] },
    });
    world.clock.offsetMs += 3_600_000;
  };
  try {
    await expect(runEnvelope({ ...late, onStep }, envelope)).rejects.toThrow(/not signed by a receipt key/);
  } finally {
    world.clock.offsetMs = 0;
  }
  expect((await readCharter()).version).toBe(version + 2);
});

it("an act whose version another entry took is appended after it, unless that entry changed the same record", async () => {
  const append = (job: Job) => {
    const { project_id: _, ...params } = job.params as { project_id: "_"; persons: object; actors: object };
    return appendFounded({ jobType: "registry.members.change", params } as CharterEntry["change"]);
  };
  const answer = await runFrozen(await buildCommand(buildJob()), async () => void (await append(buildJob())));
  expect(answer).toMatchObject({ kind: "receipt", receipt: { status: "success" } });
  version += 2;
  const same = buildJob();
  const rename = structuredClone(same);
  if (rename.jobType === "registry.members.change")
    for (const person of Object.values(rename.params.persons)) person.name = "Somebody else";
  const late = await runFrozen(await buildCommand(same), async () => void (await append(rename)));
  expect(late).toMatchObject({ kind: "receipt", receipt: { status: "error", code: "plan_changed" } });
  expect((await readCharter()).version).toBe(version + 1);
});

it("an act that is approved for an actor of another tenant, or by a card that was changed, is refused", async () => {
  const job = buildJob();
  const scopes = await approveJob(world, deps, job, "L3", "office:registry");
  const forged = buildRunnerCommand(world, { job: buildJob(), scopes });
  expect((await waitForRefusal(runEnvelope(deps, forged))).code).toBe("plan_changed");
  const elsewhere = buildRunnerCommand(world, { job, scopes: { ...scopes, actor_id: toActorId("bob") } });
  expect((await waitForRefusal(runEnvelope(deps, elsewhere))).code).toBe("permit_mismatch");
  expect((await readCharter()).version).toBe(version);
});
