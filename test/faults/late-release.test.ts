import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { computeDeriveMaxMs } from "../../src/domain/act/derive-time.js";
import { toRegistryContainer } from "../../src/domain/ledger/event.js";
import type { CommandEnvelope } from "../../src/domain/permit/envelope.js";
import { type Receipt, receiptSchema } from "../../src/domain/permit/receipt.js";
import { toArtifactKey, toReleaseManifestKey, toReleaseNotesKey } from "../../src/domain/storage-key.js";
import { noInfra } from "../../src/infra/source/open.js";
import type { Lab256Dependencies } from "../../src/lab256/acts/dependencies.js";
import { sweepPermits } from "../../src/lab256/acts/housekeeping.js";
import { toProjectEvents } from "../../src/lab256/acts/project-events.js";
import { seedTenant } from "../../src/lab256/identity/seed.js";
import { readStoredEntries, toLedgerEntry } from "../../src/lab256/ledger/read-entries.js";
import { verifyProjections } from "../../src/lab256/ledger/verify-projections.js";
import { PolicyCatalog } from "../../src/lab256/permits/policy-catalog.js";
import type { RunnerDependencies } from "../../src/lab512/runner/dependencies.js";
import { ADMIN, ubl } from "../lab256/identity/people.js";
import { ledgerDatabase } from "../lab256/ledger/ledger-database.js";
import { approvedScopes, command, PROJECT, pushJob, receiptOf, register, run, storedReceipt, tagJob } from "../lab512/runner/commands.js";
import { hookedStore, once } from "../lab512/runner/store-hooks.js";
import { jwks, newKey, openWorld, TENANT, type World } from "../lab512/runner/world.js";
import { Clone } from "../repository/real-git.js";

/** Less than what follows from a receipt may take, and less than what the sweep waits behind `exp`. */
const MAX_RUN_MS = 20_000;
/** So short that a test can wait it out, and time enough for all that comes before the archive. */
const BRIEF_MS = 5_000;
/** Behind `exp` and the time that the sweep leaves to a command on its way. */
const OVERDUE_MS = 200_000;

const ledger = ledgerDatabase("late_release");
const clock = { ahead_ms: 0 };
let world: World;
let runner: RunnerDependencies;
let lab256: Lab256Dependencies;
let clone: Clone;
let commit: string;

beforeAll(async () => {
  world = await openWorld();
  runner = await world.runner();
  await register(world, runner);
  clone = new Clone();
  commit = await pushed("a");
  const now = () => Date.now() + clock.ahead_ms;
  lab256 = {
    ...{ db: ledger.db, store: world.store, now, permitKey: world.keys.permit, receiptKeys: jwks(world.keys.receipt, newKey()) },
    infra: noInfra,
    ...{
      policies: new PolicyCatalog(world.store, new Map(), now),
      statements: { jwks: { keys: [] }, rp: { id: "localhost", origins: [] } },
    },
  };
  await ledger.db.transaction().execute((trx) => seedTenant(trx, ubl(), 1_000));
});
afterAll(() => world?.close());

async function pushed(name: string): Promise<string> {
  const tip = clone.commit(`${name}.txt`, name);
  const job = await pushJob(world, clone.bundle("main"), { branch: `feature/${name}` });
  expect((await receiptOf(run(runner, command(world, { job })))).status).toBe("success");
  return tip;
}

/** A release whose permit the ledger has, and of whose command no flow knows. */
async function permitted(tag: string, of = commit, max_run_ms = MAX_RUN_MS): Promise<CommandEnvelope> {
  const job = tagJob({ commit: of, tag, notes: `Notes of ${tag}.` });
  const envelope = command(world, { job, scopes: await approvedScopes(runner, job, "L4"), permit: { max_run_ms } });
  const payload = { permit: envelope.permit, card_id: null, actor_id: ADMIN.actor_id, intent: "Release." };
  await ledger.appended([{ type: "permit.issued", key: `permit.issued/${envelope.jti}`, payload }]);
  return envelope;
}

async function swept(aheadMs: number): Promise<number> {
  clock.ahead_ms = aheadMs;
  return sweepPermits(lab256);
}

/** What the ledger has of an act besides its permit. */
async function recorded({ jti }: CommandEnvelope) {
  const events = [];
  for await (const row of readStoredEntries(ledger.db, toRegistryContainer(TENANT))) {
    const { type, key, payload } = toLedgerEntry(row);
    if (key.endsWith(`/${jti}`) && type !== "permit.issued") events.push({ type, key, payload });
  }
  return events;
}

/** What the flow of this command would have recorded. */
function asByFlow(envelope: CommandEnvelope, receipt: Receipt) {
  const payload = { receipt, actor_id: ADMIN.actor_id, card_id: null };
  const answered = { type: "receipt.recorded", key: `receipt.recorded/${envelope.jti}`, payload };
  return [answered, ...toProjectEvents(envelope, receipt, ADMIN.actor_id)];
}

const has = async (key: string) => (await world.store.blobs.stat(key)) !== undefined;
const manifestOf = (tag: string) => toReleaseManifestKey(TENANT, PROJECT, tag);

async function expectInCatalog(tag: string): Promise<void> {
  const releases = await ledger.db.selectFrom("registry_releases").select(["tag", "commit"]).execute();
  expect(releases).toContainEqual({ tag, commit });
  expect(await verifyProjections(ledger.db, TENANT)).toMatchObject({ ok: true });
}

describe("a release that no flow recorded", () => {
  it("comes into the ledger from its receipt and manifest, exactly as its flow would have recorded it", async () => {
    const envelope = await permitted("v1.0.0");
    const receipt = await receiptOf(run(runner, envelope));
    expect(await swept(OVERDUE_MS)).toBe(1);
    const events = await recorded(envelope);
    expect(events.map(({ type }) => type)).toEqual(["receipt.recorded", "project.activity", "project.release.tagged"]);
    expect(events).toEqual(asByFlow(envelope, receipt));
    await expectInCatalog("v1.0.0");
    expect(await swept(OVERDUE_MS)).toBe(0);
  });

  it("is left alone while its manifest may still be written, also when its run time is over, and recorded whole once it is there", async () => {
    const envelope = await permitted("v2.0.0");
    const onStep = (_: string, step: string) => {
      if (step === "receipted") throw new Error("died");
    };
    await expect(run(await world.runner({ onStep }), envelope)).rejects.toThrow("died");
    const receipt = receiptSchema.parse(await storedReceipt(world, envelope.jti));
    expect(receipt.status).toBe("success");
    for (const late_ms of [OVERDUE_MS, computeDeriveMaxMs(MAX_RUN_MS)]) {
      expect(await swept(late_ms)).toBe(0);
      expect(await recorded(envelope)).toEqual([]);
    }
    expect(await receiptOf(run(await world.runner(), envelope, { attempt: 2 }))).toEqual(receipt);
    expect(await swept(computeDeriveMaxMs(MAX_RUN_MS))).toBe(1);
    expect(await recorded(envelope)).toEqual(asByFlow(envelope, receipt));
    await expectInCatalog("v2.0.0");
  });
});

describe("a release whose archive takes longer than the act may run", () => {
  it("is derived all the same, and a success", async () => {
    const slowly = await pushed("b");
    const envelope = await permitted("v3.0.0", slowly, BRIEF_MS);
    const archive = toArtifactKey(TENANT, PROJECT, slowly, "source.tar.gz");
    const notes = toReleaseNotesKey(TENANT, PROJECT, "v3.0.0");
    // The notes come first, and the archive behind them is made when the act's own time is over.
    const slow = once(
      "before",
      (operation, key) => operation === "create" && key === notes,
      () => delay(BRIEF_MS + 200),
    );
    const receipt = await receiptOf(run({ ...runner, store: hookedStore(world.store, slow) }, envelope));
    expect(slow.happened()).toBe(true);
    expect(receipt.status).toBe("success");
    expect(await has(manifestOf("v3.0.0"))).toBe(true);
    expect(await has(archive)).toBe(true);
  });
});
