import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Charters } from "../../src/decision/charter/charters.js";
import { PolicyCatalog } from "../../src/decision/policy/policy-catalog.js";
import { computeDeriveMaxMs } from "../../src/domain/act/derive-time.js";
import { toRegistryContainer } from "../../src/domain/ledger/event.js";
import type { CommandEnvelope } from "../../src/domain/permit/envelope.js";
import { type Receipt, receiptSchema } from "../../src/domain/permit/receipt.js";
import { toArtifactKey, toReleaseManifestKey, toReleaseNotesKey } from "../../src/domain/storage-key.js";
import { noInfra } from "../../src/infra/source/open.js";
import type { Lab256Dependencies } from "../../src/lab256/acts/dependencies.js";
import { sweepPermits } from "../../src/lab256/acts/housekeeping.js";
import { toProjectEvents } from "../../src/lab256/acts/project-events.js";
import { readStoredEntries, toLedgerEntry } from "../../src/lab256/ledger/read-entries.js";
import { verifyProjections } from "../../src/lab256/ledger/verify-projections.js";
import type { RunnerDependencies } from "../../src/lab512/runner/dependencies.js";
import { UNUSED_OPERATOR } from "../domain/samples.js";
import { throwFault } from "../harness/throw-fault.js";
import { ADMIN, buildUblTenant } from "../lab256/identity/people.js";
import { seedTenant } from "../lab256/identity/seed-tenant.js";
import { useLedgerDatabase } from "../lab256/ledger/ledger-database.js";
import {
  approveJob,
  buildRunnerCommand,
  buildTagJob,
  PROJECT,
  readStoredReceipt,
  registerByRunner,
  runEnvelope,
  stagePushJob,
  waitForReceipt,
} from "../lab512/runner/commands.js";
import { createHookedStore, hookOnce } from "../lab512/runner/store-hooks.js";
import { createWorldKey, openWorld, TENANT, toJwks, type World } from "../lab512/runner/world.js";
import { Clone } from "../repository/real-git.js";

/** Shorter than the time limit of a derivation and than the sweep's delay after `exp`. */
const MAX_RUN_MS = 20_000;
/** Short enough to wait for, and long enough for everything before the archive. */
const BRIEF_MS = 5_000;
/** After `exp` and the sweep's delay for a command in transit. */
const OVERDUE_MS = 200_000;

const ledger = useLedgerDatabase("late_release");
const clock = { aheadMs: 0 };
let world: World;
let runner: RunnerDependencies;
let lab256: Lab256Dependencies;
let clone: Clone;
let commit: string;

beforeAll(async () => {
  world = await openWorld();
  runner = await world.openRunner();
  await registerByRunner(world, runner);
  clone = new Clone();
  commit = await pushCommit("a");
  const now = () => Date.now() + clock.aheadMs;
  lab256 = {
    ...{ db: ledger.db, store: world.store, now, permitKey: world.keys.permit, receiptKeys: toJwks(world.keys.receipt, createWorldKey()) },
    infra: noInfra,
    ...{
      policies: new PolicyCatalog(new Charters(world.store, UNUSED_OPERATOR), now),
      statementKeys: { keys: [] },
      reportFault: throwFault,
      isFlowOpen: async () => true,
    },
  };
  await ledger.db.transaction().execute((trx) => seedTenant(trx, buildUblTenant(), 1_000));
});
afterAll(() => world?.close());

async function pushCommit(name: string): Promise<string> {
  const tip = clone.commit(`${name}.txt`, name);
  const job = await stagePushJob(world, clone.bundle("main"), { branch: `feature/${name}` });
  expect((await waitForReceipt(runEnvelope(runner, buildRunnerCommand(world, { job })))).status).toBe("success");
  return tip;
}

/** Permits a release whose permit is in the ledger and whose command has no flow. */
async function permitRelease(tag: string, of = commit, max_run_ms = MAX_RUN_MS): Promise<CommandEnvelope> {
  const job = buildTagJob({ commit: of, tag, notes: `Notes of ${tag}.` });
  const envelope = buildRunnerCommand(world, { job, scopes: await approveJob(world, runner, job, "L4"), permit: { max_run_ms } });
  const payload = { permit: envelope.permit, card_id: null, actor_id: ADMIN.actor_id, intent: "Release." };
  await ledger.appendOrThrow([{ type: "permit.issued", key: `permit.issued/${envelope.jti}`, payload }]);
  return envelope;
}

async function sweepPermitsAt(aheadMs: number): Promise<number> {
  clock.aheadMs = aheadMs;
  return sweepPermits(lab256);
}

/** Reads the ledger's events about an act except its permit. */
async function readRecorded({ jti }: CommandEnvelope) {
  const events = [];
  for await (const row of readStoredEntries(ledger.db, toRegistryContainer(TENANT))) {
    const { type, key, payload } = toLedgerEntry(row);
    if (key.endsWith(`/${jti}`) && type !== "permit.issued") events.push({ type, key, payload });
  }
  return events;
}

/** Returns the events that the command's flow would have recorded. */
function recordAsFlow(envelope: CommandEnvelope, receipt: Receipt) {
  const payload = { receipt, actor_id: ADMIN.actor_id, card_id: null };
  const answered = { type: "receipt.recorded", key: `receipt.recorded/${envelope.jti}`, payload };
  return [answered, ...toProjectEvents(envelope, receipt, ADMIN.actor_id)];
}

const hasBlob = async (key: string) => (await world.store.blobs.stat(key)) !== undefined;
const toManifestKey = (tag: string) => toReleaseManifestKey(TENANT, PROJECT, tag);

async function expectInCatalog(tag: string): Promise<void> {
  const releases = await ledger.db.selectFrom("registry_releases").select(["tag", "commit"]).execute();
  expect(releases).toContainEqual({ tag, commit });
  expect(await verifyProjections(ledger.db, TENANT)).toMatchObject({ ok: true });
}

describe("a release that no flow recorded", () => {
  it("is recorded from its receipt and manifest with the same events as by a flow", async () => {
    const envelope = await permitRelease("v1.0.0");
    const receipt = await waitForReceipt(runEnvelope(runner, envelope));
    expect(await sweepPermitsAt(OVERDUE_MS)).toBe(1);
    const events = await readRecorded(envelope);
    expect(events.map(({ type }) => type)).toEqual(["receipt.recorded", "project.activity", "project.release.tagged"]);
    expect(events).toEqual(recordAsFlow(envelope, receipt));
    await expectInCatalog("v1.0.0");
    expect(await sweepPermitsAt(OVERDUE_MS)).toBe(0);
  });

  it("is not recorded before its manifest exists, and then completely", async () => {
    const envelope = await permitRelease("v2.0.0");
    const onStep = (_: string, step: string) => {
      if (step === "receipted") throw new Error("died");
    };
    await expect(runEnvelope(await world.openRunner({ onStep }), envelope)).rejects.toThrow("died");
    const receipt = receiptSchema.parse(await readStoredReceipt(world, envelope.jti));
    expect(receipt.status).toBe("success");
    for (const lateMs of [OVERDUE_MS, computeDeriveMaxMs(MAX_RUN_MS)]) {
      expect(await sweepPermitsAt(lateMs)).toBe(0);
      expect(await readRecorded(envelope)).toEqual([]);
    }
    expect(await waitForReceipt(runEnvelope(await world.openRunner(), envelope, { attempt: 2 }))).toEqual(receipt);
    expect(await sweepPermitsAt(computeDeriveMaxMs(MAX_RUN_MS))).toBe(1);
    expect(await readRecorded(envelope)).toEqual(recordAsFlow(envelope, receipt));
    await expectInCatalog("v2.0.0");
  });
});

describe("a release whose archive takes longer than the act's run time", () => {
  it("succeeds and is derived completely", async () => {
    const slowly = await pushCommit("b");
    const envelope = await permitRelease("v3.0.0", slowly, BRIEF_MS);
    const archive = toArtifactKey(TENANT, PROJECT, slowly, "source.tar.gz");
    const notes = toReleaseNotesKey(TENANT, PROJECT, "v3.0.0");
    // The notes are written first, and the archive is made after the act's run time has ended.
    const slow = hookOnce(
      "before",
      (operation, key) => operation === "create" && key === notes,
      () => delay(BRIEF_MS + 200),
    );
    const receipt = await waitForReceipt(runEnvelope({ ...runner, store: createHookedStore(world.store, slow) }, envelope));
    expect(slow.hasHappened()).toBe(true);
    expect(receipt.status).toBe("success");
    expect(await hasBlob(toManifestKey("v3.0.0"))).toBe(true);
    expect(await hasBlob(archive)).toBe(true);
  });
});
