import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { toCanonicalBytes } from "../../../src/domain/bytes/canonical.js";
import { type SigningKey, signObject } from "../../../src/domain/bytes/signature.js";
import type { CharterChange } from "../../../src/domain/charter/change.js";
import type { PushSummary } from "../../../src/domain/git/push-summary.js";
import type { Receipt } from "../../../src/domain/permit/receipt.js";
import { toPushSummaryKey, toReceiptKey } from "../../../src/domain/storage-key.js";
import { readPushers } from "../../../src/lab512/pushers/pushers.js";
import type { RunnerDependencies } from "../../../src/lab512/runner/dependencies.js";
import { appendCharterEntry } from "../../../src/stack/founding/charter.js";
import type { ObjectStore } from "../../../src/storage/ports.js";
import { Clone } from "../../repository/real-git.js";
import {
  approveJob,
  buildRunnerCommand,
  buildTagJob,
  createJti,
  readTip,
  registerByRunner,
  runEnvelope,
  stagePushJob,
  waitForReceipt,
} from "./commands.js";
import { createHookedStore } from "./store-hooks.js";
import { createWorldKey, openWorld, TENANT, type World } from "./world.js";

const [ANA, DAN, EVE] = ["person:ana", "person:dan", "person:eve"];
const [BY_ANA, BY_DAN, BY_AGENT_OF_EVE] = ["ubl:sid:person:ana", "ubl:sid:person:dan", "ubl:sid:agent:of-eve"] as const;
const exactly = (...person_ids: (string | undefined)[]) => ({ ok: true, value: { person_ids, exact: true, hasUnknown: false } });
const UNKNOWN = { ok: false, denial: { code: "pushers_unknown" } };

const buildPerson = (name: string) => ({ name, emails: [], passkeys: [], disabled: false });
const buildActor = (person_id: string) => ({
  person_id,
  name: person_id,
  offices: [{ office_id: "office::default", roles: [] }],
  disabled: false,
});
const MEMBERS: CharterChange = {
  jobType: "registry.members.change",
  params: {
    persons: { "person:dan": buildPerson("Dan"), "person:eve": buildPerson("Eve") },
    actors: { [BY_DAN]: buildActor("person:dan"), [BY_AGENT_OF_EVE]: buildActor("person:eve") },
  },
};

/** Returns a view of the store in which some objects are other ones, or absent. */
function replaceObjects(store: ObjectStore, objects: Readonly<Record<string, Uint8Array | undefined>>): ObjectStore {
  const { blobs } = store;
  return {
    ...createHookedStore(store, {}),
    blobs: {
      ...createHookedStore(store, {}).blobs,
      get: async (key) => (Object.hasOwn(objects, key) ? objects[key] : blobs.get(key)),
      stat: async (key) => (Object.hasOwn(objects, key) && objects[key] === undefined ? undefined : blobs.stat(key)),
    },
  };
}

describe("the Runner's answer to who pushed", () => {
  let world: World;
  let deps: RunnerDependencies;
  const clone = new Clone();

  beforeAll(async () => {
    world = await openWorld();
    await change(MEMBERS);
    deps = await world.openRunner();
  });
  afterAll(() => world.close());

  const change = (what: CharterChange) => {
    const key = world.keys.founding.get(TENANT);
    if (key === undefined) throw new Error("The tenant has no founding key.");
    return appendCharterEntry(world.store, TENANT, key, what);
  };

  /** Registers a project, and pushes with its own branches and commits. */
  const openProject = async () => {
    const project = `P.${randomUUID()}`;
    const registration = await registerByRunner(world, deps, project);
    let branches = 0;
    const buildPush = async (actor_id: string, branch: string, tip: string, jti = createJti(false)) => {
      clone.git("branch", "-f", "pushed", tip);
      const expected_old = (await readTip(world, branch, project)) ?? "0".repeat(40);
      const job = await stagePushJob(world, clone.bundle("pushed"), { branch, project_id: project, expected_old });
      return buildRunnerCommand(world, { job, scopes: { actor_id }, permit: { jti } });
    };
    const push = async (...parts: Parameters<typeof buildPush>): Promise<Receipt> => {
      const receipt = await waitForReceipt(runEnvelope(deps, await buildPush(...parts)));
      expect(receipt, receipt.error).toMatchObject({ status: "success" });
      return receipt;
    };
    const commit = () => {
      branches += 1;
      clone.git("checkout", "-q", "--orphan", `root-${randomUUID()}`);
      return clone.commit(`${branches}.txt`, randomUUID());
    };
    /** Asks a Runner that remembers nothing. */
    const readCold = async (commits: readonly string[] | null, store: ObjectStore = world.store) =>
      readPushers(await world.openRunner(), store, { tenant_id: TENANT, project_id: project }, commits);
    const readWarm = (commits: readonly string[] | null, store: ObjectStore = world.store) =>
      readPushers(deps, store, { tenant_id: TENANT, project_id: project }, commits);
    return { project, registration, buildPush, push, commit, readCold, readWarm };
  };

  const sign = (receipt: Receipt, changes: Partial<Receipt>, key: SigningKey = world.keys.receipt): Uint8Array => {
    const { kid: _, sig: __, ...unsigned } = { ...receipt, ...changes };
    return toCanonicalBytes(signObject("receipt", unsigned, key));
  };

  it("follows pushes, a merge, a release and a deletion back to the registration", async () => {
    const { project, registration, push, commit, readCold, readWarm } = await openProject();
    const first = commit();
    const brought = await push(BY_DAN, "feature/a", first);
    expect(brought.previous_act).toBe(registration.jti);
    const merge = {
      jobType: "git.registry.merge_protected",
      params: {
        project_id: project,
        source: "feature/a",
        target: "main",
        expected_source: first,
        expected_target: "0".repeat(40),
        strategy: "fast-forward",
      },
    } as const;
    const scopes = await approveJob(world, deps, merge, "L4");
    const merged = await waitForReceipt(runEnvelope(deps, buildRunnerCommand(world, { job: merge, scopes })));
    expect(merged).toMatchObject({ status: "success", previous_act: brought.jti });
    const tag = buildTagJob({ project_id: project, commit: first });
    const release = buildRunnerCommand(world, { job: tag, scopes: await approveJob(world, deps, tag) });
    const released = await waitForReceipt(runEnvelope(deps, release));
    expect(released.previous_act).toBe(merged.jti);
    const deletion = await stagePushJob(world, new Uint8Array(0), {
      ...{ project_id: project, branch: "feature/a", expected_old: first, delete: true },
    });
    const deleted = await waitForReceipt(runEnvelope(deps, buildRunnerCommand(world, { job: deletion, scopes: { actor_id: BY_DAN } })));
    expect(deleted).toMatchObject({ status: "success", previous_act: released.jti });
    const second = commit();
    expect((await push(BY_AGENT_OF_EVE, "feature/b", second)).previous_act).toBe(deleted.jti);
    for (const read of [readCold, readWarm]) {
      expect(await read([first])).toEqual(exactly(ANA, DAN));
      expect(await read([second])).toEqual(exactly(EVE));
      expect(await read([])).toEqual(exactly());
      expect(await read(null)).toMatchObject({ value: { person_ids: [ANA, DAN, EVE], exact: false, hasUnknown: false } });
      expect(await read([first, "f".repeat(40)])).toMatchObject({ value: { person_ids: [ANA, DAN, EVE], exact: false } });
    }
  });

  it("says that it does not know everyone if a push that counts names no person", async () => {
    const { push, commit, readCold } = await openProject();
    const [one, two] = [commit(), commit()];
    await push(BY_ANA, "feature/a", one);
    const nameless = await push(BY_DAN, "feature/b", two);
    const store = replaceObjects(world.store, { [toReceiptKey(TENANT, nameless.jti)]: sign(nameless, { person_id: null }) });
    expect(await readCold([one], store)).toEqual(exactly(ANA));
    expect(await readCold([one, two], store)).toMatchObject({ value: { person_ids: [ANA], exact: false, hasUnknown: true } });
  });

  it("is unknown if a receipt is missing, forged, of another project, no success, or ends the chain early", async () => {
    const { registration, push, commit, readCold } = await openProject();
    const other = await openProject();
    const [one, two] = [commit(), commit()];
    const tampered = await push(BY_ANA, "feature/a", one);
    await push(BY_DAN, "feature/b", two);
    const key = toReceiptKey(TENANT, tampered.jti);
    const readWith = (bytes: Uint8Array | undefined, replaced = key) => readCold([two], replaceObjects(world.store, { [replaced]: bytes }));
    expect(await readWith(sign(tampered, {}))).toEqual(exactly(DAN));
    expect(await readWith(undefined)).toMatchObject(UNKNOWN);
    expect(await readWith(sign(tampered, {}, createWorldKey()))).toMatchObject(UNKNOWN);
    expect(await readWith(sign(tampered, {}, world.keys.permit))).toMatchObject(UNKNOWN);
    expect(await readWith(toCanonicalBytes({ ...tampered, person_id: DAN }))).toMatchObject(UNKNOWN);
    expect(await readWith(Buffer.from("{}"))).toMatchObject(UNKNOWN);
    expect(await readWith(sign(tampered, { project_id: other.project }))).toMatchObject(UNKNOWN);
    expect(await readWith(sign(tampered, { tenant_id: "T.OTHER" }))).toMatchObject(UNKNOWN);
    expect(await readWith(sign(tampered, { jti: registration.jti }))).toMatchObject(UNKNOWN);
    expect(await readWith(sign(tampered, { status: "error", code: "ref_moved", error: "No.", refs: [] }))).toMatchObject(UNKNOWN);
    expect(await readWith(sign(tampered, { previous_act: null }))).toMatchObject(UNKNOWN);
    expect(await readWith(sign(tampered, { charter_version: 99 }))).toMatchObject(UNKNOWN);
    // A chain that leads into another project has no registration of its own.
    expect(await readWith(sign(tampered, { previous_act: other.registration.jti }))).toMatchObject(UNKNOWN);
    expect(await readWith(undefined, toReceiptKey(TENANT, registration.jti))).toMatchObject(UNKNOWN);
    expect(await readCold([two])).toEqual(exactly(DAN));
  });

  it("waits for the receipt of an act that has moved refs, and is unknown while there is none", async () => {
    const { buildPush, push, commit, readCold, readWarm } = await openProject();
    const [one, two] = [commit(), commit()];
    await push(BY_ANA, "feature/a", one);
    const dying = await world.openRunner({
      onStep: (_, done) => {
        if (done === "moved") throw new Error("died after moved");
      },
    });
    const envelope = await buildPush(BY_DAN, "feature/b", two);
    await expect(runEnvelope(dying, envelope)).rejects.toThrow();
    const denied = await readCold([one]);
    expect(denied).toMatchObject(UNKNOWN);
    expect(denied).toMatchObject({ denial: { message: expect.stringContaining("no receipt yet") } });
    const [read, receipt] = await Promise.all([readWarm([one]), waitForReceipt(runEnvelope(deps, envelope, { attempt: 2 }))]);
    expect(receipt.status).toBe("success");
    expect(read).toEqual(exactly(ANA));
  });

  it("costs a Runner that has read the chain only what is new", async () => {
    const { push, commit, readWarm } = await openProject();
    const one = commit();
    await push(BY_ANA, "feature/a", one);
    await readWarm([one]);
    const asked: string[] = [];
    const counting = createHookedStore(world.store, { before: (operation, key) => void asked.push(`${operation} ${key}`) });
    const { jti } = await push(BY_DAN, "feature/b", commit());
    expect(await readWarm([one], counting)).toEqual(exactly(ANA));
    expect(asked.filter((request) => request.includes("receipts/"))).toEqual([]);
    const other = await world.openRunner();
    const elsewhere = await push(BY_DAN, "feature/c", commit());
    expect(elsewhere.previous_act).toBe(jti);
    expect(await readPushers(other, counting, { tenant_id: TENANT, project_id: elsewhere.project_id }, [one])).toEqual(exactly(ANA));
    expect(asked.filter((request) => request.includes("receipts/"))).toHaveLength(4);
  });

  it("rests on summaries, so that a Runner that remembers nothing need not read every receipt", async () => {
    const { project, push, commit, readCold } = await openProject();
    const [one, two, three] = [commit(), commit(), commit()];
    const [first, second] = [await push(BY_ANA, "feature/a", one), await push(BY_DAN, "feature/b", two, createJti(true))];
    await push(BY_AGENT_OF_EVE, "feature/c", three);
    const ended = await push(BY_DAN, "feature/d", commit(), createJti(true));
    await push(BY_ANA, "feature/e", commit());
    const summaries = [second, ended].map(({ jti }) => toPushSummaryKey(TENANT, project, jti));
    const [older, newer] = await Promise.all(
      summaries.map(async (key) => JSON.parse(Buffer.from((await world.store.blobs.get(key)) ?? []).toString("utf8")) as PushSummary),
    );
    expect([older?.previous, newer?.previous]).toEqual([null, second.jti]);
    const withoutReceipts = { [toReceiptKey(TENANT, first.jti)]: undefined, [toReceiptKey(TENANT, second.jti)]: undefined };
    const all = [one, two, three];
    expect(await readCold(all, replaceObjects(world.store, withoutReceipts))).toEqual(exactly(ANA, DAN, EVE));

    if (older === undefined) throw new Error("There is no summary.");
    const { kid: _, sig: __, ...content } = older;
    const lie = { ...content, pushes: [] };
    const forgeries = [
      undefined,
      Buffer.from("{}"),
      toCanonicalBytes({ ...older, pushes: [] }),
      toCanonicalBytes(signObject("pushes", lie, createWorldKey())),
      toCanonicalBytes(signObject("receipt", lie, world.keys.receipt)),
      toCanonicalBytes(signObject("pushes", { ...lie, project_id: "P.other" }, world.keys.receipt)),
      toCanonicalBytes(signObject("pushes", { ...lie, jti: ended.jti }, world.keys.receipt)),
      toCanonicalBytes(signObject("pushes", { ...lie, charter_version: 99 }, world.keys.receipt)),
    ];
    for (const forged of forgeries) {
      const objects = { [summaries[0] ?? ""]: forged };
      expect(await readCold(all, replaceObjects(world.store, objects))).toEqual(exactly(ANA, DAN, EVE));
      expect(await readCold(all, replaceObjects(world.store, { ...objects, ...withoutReceipts }))).toMatchObject(UNKNOWN);
    }
  });

  it("rests on receipts of a key that was revoked since, but no act runs with such a key", async () => {
    const { project, buildPush, push, commit, readCold } = await openProject();
    const [one, two, three] = [commit(), commit(), commit()];
    await push(BY_ANA, "feature/a", one);
    const [old, fresh] = [world.keys.receipt, createWorldKey()];
    const pushed = await push(BY_DAN, "feature/b", two);
    const version = await change({
      jobType: "registry.keys.rotate",
      params: { add: [{ use: "receipt", jwk: fresh.jwk, revoked: false }], revoke: [old.kid] },
    });
    expect(await readCold([one])).toEqual(exactly(ANA));
    const late = { [toReceiptKey(TENANT, pushed.jti)]: sign(pushed, { charter_version: version }) };
    expect(await readCold([one], replaceObjects(world.store, late))).toMatchObject(UNKNOWN);
    await expect(runEnvelope(deps, await buildPush(BY_ANA, "feature/c", three))).rejects.toThrow(/receipt key .* is not valid/);
    expect(await readTip(world, "feature/c", project)).toBeUndefined();
    const rotated = await world.openRunner({ receiptKey: fresh });
    expect(await waitForReceipt(runEnvelope(rotated, await buildPush(BY_ANA, "feature/d", three)))).toMatchObject({
      ...{ status: "success", charter_version: version },
    });
    expect(await readCold([three])).toEqual(exactly(ANA));
  });
});
