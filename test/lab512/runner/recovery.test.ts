import { cp, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Job } from "../../../src/domain/act/job.js";
import { toCanonicalBytes } from "../../../src/domain/bytes/canonical.js";
import { hashBlake3Hex } from "../../../src/domain/bytes/hash.js";
import { signAnnouncement } from "../../../src/domain/charter/announcement.js";
import type { AnnouncedChange } from "../../../src/domain/charter/change.js";
import type { CharterEntry } from "../../../src/domain/charter/entry.js";
import type { Recovery } from "../../../src/domain/charter/recovery.js";
import type { RecoveryRequest } from "../../../src/domain/charter/recovery-request.js";
import { toCharterKey, toPolicyBytesKey, toStagingKey } from "../../../src/domain/storage-key.js";
import { appendEntry } from "../../../src/lab512/charter/append-entry.js";
import { appendRecovery } from "../../../src/lab512/charter/append-recovery.js";
import type { RunnerDependencies } from "../../../src/lab512/runner/dependencies.js";
import { appendCharterEntry } from "../../../src/stack/founding/charter.js";
import { walkFolderCharter } from "../../../src/verification/verify-folder.js";
import { requireOutcome } from "../../harness/outcomes.js";
import { buildPolicyWith, replaceLevel } from "../../harness/policies.js";
import { approveJob, buildRunnerCommand, runEnvelope, waitForReceipt } from "./commands.js";
import { toPersonId } from "./members.js";
import { createHookedStore, hookOnce, throwResponseLost } from "./store-hooks.js";
import { createWorldKey, openWorld, TENANT, type World } from "./world.js";

const [one, two] = [createWorldKey(), createWorldKey()];
const RECOVERY: Recovery = { jwks: [one.jwk, two.jwk], threshold: 2, delay_ms: 48 * 3_600_000 };

let world: World;
let runner: RunnerDependencies;
beforeAll(async () => {
  world = await openWorld();
  runner = await world.openRunner();
});
afterAll(() => world.close());
beforeEach(async () => {
  world.clock.offsetMs = 0;
  const key = world.keys.founding.get(TENANT);
  if (key === undefined) throw new Error("no founding key");
  await appendCharterEntry(world.store, TENANT, key, {
    jobType: "registry.keys.rotate",
    params: { add: [], revoke: [], recovery: RECOVERY },
  });
});

const readCharter = async () => requireOutcome(await runner.charters.readNewest(TENANT));
const readEntry = async (at: number): Promise<CharterEntry> =>
  JSON.parse(Buffer.from((await world.store.blobs.get(toCharterKey(TENANT, at))) ?? []).toString("utf8"));

/** A change of a member; each call names another one. */
let newcomers = 0;
function buildChange(): AnnouncedChange {
  newcomers += 1;
  const person = { name: `Newcomer ${newcomers}`, emails: [], passkeys: [], disabled: false };
  return { jobType: "registry.members.change", params: { persons: { [toPersonId(`new${newcomers}`)]: person }, actors: {} } };
}

async function signRequest(change: AnnouncedChange): Promise<RecoveryRequest> {
  const after = (await readCharter()).recovery?.entry_hash ?? "";
  const unsigned = { tenant_id: TENANT, after, change, signatures: [] };
  return { kind: "announce", ...[one, two].reduce(signAnnouncement, unsigned) };
}
const announce = async (change: AnnouncedChange): Promise<number> =>
  requireOutcome(await appendRecovery(runner, await signRequest(change))).version;
const toCompletion = (announcement: number): RecoveryRequest => ({ kind: "complete", tenant_id: TENANT, announcement });
const complete = (announcement: number, by = runner) => appendRecovery(by, toCompletion(announcement));

describe("a Runner", () => {
  it("makes an announced change once its own clock says that the delay has passed", async () => {
    const [change, from] = [buildChange(), Date.now()];
    const version = await announce(change);
    const { authority } = await readEntry(version);
    if (authority.kind !== "recovery") throw new Error(`the authority is ${authority.kind}`);
    expect(authority.seen_at_ms).toBeGreaterThanOrEqual(from);
    expect(authority.seen_at_ms).toBeLessThanOrEqual(Date.now());
    world.clock.offsetMs = RECOVERY.delay_ms - 60_000;
    expect(await complete(version)).toMatchObject({ ok: false, denial: { message: expect.stringMatching(/waits until/) } });
    expect((await readCharter()).version).toBe(version);
    world.clock.offsetMs = RECOVERY.delay_ms;
    expect(await complete(version)).toMatchObject({ ok: true, value: { version: version + 1 } });
    expect((await readEntry(version + 1)).change).toEqual(change);
    expect((await readCharter()).find("person", toPersonId(`new${newcomers}`))).toBeDefined();
  });

  // The sender says that it was seen a week ago.
  it("takes no time from the sender", async () => {
    const request = { ...(await signRequest(buildChange())), seen_at_ms: Date.now() - 7 * 86_400_000 };
    expect(await appendRecovery(runner, request)).toMatchObject({ ok: false, denial: { message: expect.stringMatching(/seen_at_ms/) } });
    const version = await announce(buildChange());
    const built = { ...(await readEntry(version)), version: version + 1 };
    expect(await appendEntry(runner, built)).toMatchObject({ ok: false, denial: { code: "charter_invalid" } });
    expect((await readCharter()).version).toBe(version);
  });

  it("announces and makes a change once, however often it is asked and by whichever answer was lost", async () => {
    const request = await signRequest(buildChange());
    const { version } = await readCharter();
    const lose = hookOnce(
      "after",
      (operation, key) => operation === "create" && key === toCharterKey(TENANT, version + 1),
      throwResponseLost,
    );
    const losing = { ...runner, store: createHookedStore(world.store, lose) };
    const other = await world.openRunner();
    const answers = [await appendRecovery(losing, request), await appendRecovery(other, request), await appendRecovery(runner, request)];
    expect(lose.hasHappened()).toBe(true);
    for (const answer of answers) expect(answer).toEqual(answers[0]);
    expect(answers[0]).toMatchObject({ ok: true, value: { version: version + 1 } });
    world.clock.offsetMs = RECOVERY.delay_ms;
    const completed = await Promise.all([complete(version + 1), complete(version + 1, other)]);
    for (const answer of completed) expect(answer).toMatchObject({ ok: true, value: { version: version + 2 } });
    expect((await readCharter()).version).toBe(version + 2);
  });

  it("announces after an entry that took the version", async () => {
    const { version } = await readCharter();
    const founding = world.keys.founding.get(TENANT);
    if (founding === undefined) throw new Error("no founding key");
    const isCreate = (operation: string, key: string) => operation === "create" && key === toCharterKey(TENANT, version + 1);
    const rival = hookOnce("before", isCreate, async () => void (await appendCharterEntry(world.store, TENANT, founding, buildChange())));
    const request = await signRequest(buildChange());
    const answer = await appendRecovery({ ...runner, store: createHookedStore(world.store, rival) }, request);
    expect(rival.hasHappened()).toBe(true);
    expect(answer).toMatchObject({ ok: true, value: { version: version + 2 } });
  });

  it("announces no change that is not possible now", async () => {
    const { version } = await readCharter();
    const [known] = Object.entries(world.members.params.persons);
    if (known === undefined) throw new Error("no person");
    const unchanged = { jobType: "registry.members.change", params: { persons: Object.fromEntries([known]), actors: {} } } as const;
    expect(await appendRecovery(runner, await signRequest(unchanged))).toMatchObject({ ok: false, denial: { code: "nothing_to_do" } });
    const published = { jobType: "registry.policy.publish", params: { policy_hash: "f".repeat(64) } } as const;
    expect(await appendRecovery(runner, await signRequest(published))).toMatchObject({ ok: false, denial: { code: "charter_invalid" } });
    expect((await readCharter()).version).toBe(version);
  });

  it("whose receipt key the charter does not have announces nothing", async () => {
    const { version } = await readCharter();
    const foreign = await world.openRunner({ receiptKey: createWorldKey() });
    const answer = await appendRecovery(foreign, await signRequest(buildChange()));
    expect(answer).toMatchObject({ ok: false, denial: { message: expect.stringMatching(/not signed by a receipt key/) } });
    expect((await readCharter()).version).toBe(version);
  });
});

// The recovery keys were stolen. Whoever decides at L5 sees the announcement and states the keys again.
it("an act of L5's quorum that states the recovery keys ends the change that waits", async () => {
  const version = await announce(buildChange());
  const job = { jobType: "registry.keys.rotate", params: { project_id: "_", add: [], revoke: [], recovery: RECOVERY } } as Job;
  const scopes = await approveJob(world, runner, job, "L5", "office:registry");
  // Announcements void no approval, or thieves could keep the quorum from objecting.
  const replaced = await announce(buildChange());
  const receipt = await waitForReceipt(runEnvelope(runner, buildRunnerCommand(world, { job, scopes })));
  expect(receipt.status, receipt.error).toBe("success");
  world.clock.offsetMs = RECOVERY.delay_ms;
  for (const announcement of [version, replaced])
    expect(await complete(announcement)).toMatchObject({ ok: false, denial: { message: expect.stringMatching(/no change waits/) } });
});

// The staging area is emptied before the delay has passed, and nobody could decide under a policy without its bytes.
it("a Runner keeps the policy of an announcement", async () => {
  const policy = await buildPolicyWith((data) => replaceLevel(data, "L1", { permit_ttl_ms: 61_000 }));
  const policy_hash = hashBlake3Hex(policy);
  await world.store.blobs.create(toStagingKey(TENANT, policy_hash), policy);
  const change = { jobType: "registry.policy.publish", params: { policy_hash } } as const;
  const isKept = async () => (await world.store.blobs.stat(toPolicyBytesKey(TENANT, policy_hash))) !== undefined;
  // Anybody can stage bytes and ask.
  const forged = { ...(await signRequest(change)), signatures: [] };
  expect(await appendRecovery(runner, forged)).toMatchObject({ ok: false, denial: { message: expect.stringMatching(/must sign it/) } });
  expect(await isKept()).toBe(false);
  const version = await announce(change);
  expect(await isKept()).toBe(true);
  world.clock.offsetMs = RECOVERY.delay_ms;
  expect(await complete(version)).toMatchObject({ ok: true });
  expect((await readCharter()).policy_hash).toBe(policy_hash);
});

// A store's keeper makes the change wait for less time than its announcement says.
it("an auditor checks announcements and their times in a copy of the object store", async () => {
  const version = await announce(buildChange());
  world.clock.offsetMs = RECOVERY.delay_ms;
  expect(await complete(version)).toMatchObject({ ok: true });
  const root = world.keys.founding.get(TENANT)?.jwk;
  if (root === undefined) throw new Error("no founding key");
  const [from, folder] = [join(world.folder, "store"), join(world.folder, "copy")];
  await cp(from, folder, { recursive: true });
  const walk = async () => (await walkFolderCharter({ folder, tenant_id: TENANT, root })).walk.newest;
  expect(await walk()).toMatchObject({ version: version + 1, recovery: { version: version + 1, waiting: null } });
  const entry = await readEntry(version);
  const authority = { ...entry.authority, seen_at_ms: Date.now() - RECOVERY.delay_ms };
  await writeFile(join(folder, toCharterKey(TENANT, version)), toCanonicalBytes({ ...entry, authority }));
  await expect(walk()).rejects.toThrow(/not signed by a receipt key/);
});
