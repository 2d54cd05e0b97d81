import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parseActRecord, toEvidenceLines } from "../../src/domain/act/act-record.js";
import type { Job } from "../../src/domain/act/job.js";
import { hashCanonical, toCanonicalBytes } from "../../src/domain/bytes/canonical.js";
import { hashBlake3Hex } from "../../src/domain/bytes/hash.js";
import { type SigningKey, signObject } from "../../src/domain/bytes/signature.js";
import type { CharterChange } from "../../src/domain/charter/change.js";
import { ZERO_ID } from "../../src/domain/git/git-id.js";
import { splitSignedCommit } from "../../src/domain/git/git-signature.js";
import { type Claim, claimSchema } from "../../src/domain/permit/claim.js";
import type { Permit } from "../../src/domain/permit/permit.js";
import { type Receipt, receiptSchema } from "../../src/domain/permit/receipt.js";
import { toCharterKey, toClaimKey, toReceiptKey, toRepoPrefix } from "../../src/domain/storage-key.js";
import type { RunnerDependencies } from "../../src/lab512/runner/dependencies.js";
import { planAct } from "../../src/lab512/runner/plan-act.js";
import { appendCharterEntry } from "../../src/stack/founding/charter.js";
import { verifyFolder } from "../../src/verification/verify-folder.js";
import {
  approveJob,
  buildAuthority,
  buildRunnerCommand,
  buildTagJob,
  registerByRunner,
  runEnvelope,
  signApproval,
  stagePushJob,
  toCardSigner,
  waitForReceipt,
} from "../lab512/runner/commands.js";
import { toActorId } from "../lab512/runner/members.js";
import { createWorldKey, openWorld, TENANT, type World } from "../lab512/runner/world.js";
import { Clone } from "../repository/real-git.js";
import { copyStore } from "./store-copy.js";

// The attacker has the copy and the keys that the story names, and no founding key and no passkey of an approver.

let world: World;
let deps: RunnerDependencies;
let merge: Receipt;
let release: Receipt;
let source: string;

beforeAll(async () => {
  world = await openWorld();
  deps = await world.openRunner();
  await registerByRunner(world, deps);
  const clone = new Clone();
  const base = clone.commit("a.txt", "one\n");
  await run(await stagePushJob(world, clone.bundle("HEAD"), { branch: "feature/a" }));
  await run(buildMerge(base, ZERO_ID), "L4");
  source = clone.commit("b.txt", "two\n");
  const pushed = await stagePushJob(world, clone.bundle("HEAD"), { branch: "feature/a", expected_old: base });
  await run(pushed, undefined, { actor_id: toActorId("carol") });
  merge = await run(buildMerge(source, base), "L4");
  release = await run(buildTagJob({ commit: source }), "L4");
});
afterAll(() => world.close());

const buildMerge = (expected_source: string, expected_target: string): Job => ({
  jobType: "git.registry.merge_protected",
  params: { project_id: "P.demo", source: "feature/a", target: "main", expected_source, expected_target, strategy: "merge" },
});

/** Runs a job, with an approved card from L3 on. */
async function run(job: Job, level?: "L3" | "L4" | "L5", more: Partial<Permit["scopes"]> = {}): Promise<Receipt> {
  const scopes = level === undefined ? more : await approveJob(world, deps, job, level);
  const receipt = await waitForReceipt(runEnvelope(deps, buildRunnerCommand(world, { job, scopes })));
  expect(receipt.status, receipt.error).toBe("success");
  return receipt;
}

/** Returns the first thing that does not hold in a copy with these objects changed; undefined removes one. */
async function findMismatch(act: Receipt, objects: Readonly<Record<string, Uint8Array | undefined>>) {
  const folder = await copyStore(world.store, objects);
  const root = { tenant_id: TENANT, founding_jwk: (world.keys.founding.get(TENANT) ?? createWorldKey()).jwk };
  const { mismatch } = await verifyFolder({ folder, tenant_id: TENANT, root, act: act.jti });
  return mismatch === undefined ? undefined : { file: mismatch.file, member: mismatch.member, problem: mismatch.problem };
}

const resign = ({ kid: _, sig: __, ...rest }: Receipt, changes: Partial<Receipt>, key: SigningKey): Receipt =>
  receiptSchema.parse(signObject("receipt", { ...rest, ...changes }, key));
const toReceipt = (receipt: Receipt) => ({ [toReceiptKey(TENANT, receipt.jti)]: toCanonicalBytes(receipt) });

const readRecord = async ({ logs_key }: Receipt) => {
  const parsed = parseActRecord((await world.store.blobs.get(logs_key)) ?? new Uint8Array(0));
  if (!parsed.ok) throw new Error(parsed.problem);
  return parsed.value;
};
type ReadRecord = Awaited<ReturnType<typeof readRecord>>;

/** What a Runner whose key was stolen can make: a record of its own, with a receipt and a claim that fit. */
async function forge(
  receipt: Receipt,
  change: (genuine: ReadRecord) => ReadRecord,
  more: Partial<Receipt> = {},
  changeClaim = (claim: Omit<Claim, "kid" | "sig">) => claim,
) {
  const { command, evidence } = change(await readRecord(receipt));
  const bytes = Buffer.from(toEvidenceLines(command, evidence).join(""));
  const logs_hash = hashBlake3Hex(bytes);
  const logs_key = receipt.logs_key.replace(receipt.logs_hash, logs_hash);
  const stored = claimSchema.parse(
    JSON.parse(Buffer.from((await world.store.blobs.get(toClaimKey(TENANT, receipt.jti))) ?? []).toString()),
  );
  const { kid: _, sig: __, ...unsigned } = stored;
  const statement_digests = evidence.statements.map((signed) => hashCanonical(signed));
  const claim: Claim = claimSchema.parse(signObject("claim", changeClaim({ ...unsigned, statement_digests }), world.keys.receipt));
  return {
    logs_key,
    objects: {
      ...{ [logs_key]: bytes, [toClaimKey(TENANT, receipt.jti)]: toCanonicalBytes(claim) },
      ...toReceipt(resign(receipt, { logs_hash, logs_key, ...more }, world.keys.receipt)),
    },
  };
}

it("the genuine copy holds", async () => {
  expect(await findMismatch(merge, {})).toBeUndefined();
  expect(await findMismatch(release, {})).toBeUndefined();
});

it("an act that another attempt took over holds, and one that ended without an effect", async () => {
  const dying = await world.openRunner({
    onStep: (_, step) => {
      if (step === "moved") throw new Error("died");
    },
  });
  const job = buildTagJob({ tag: "v0.0.1", commit: source });
  const envelope = buildRunnerCommand(world, { job, scopes: await approveJob(world, deps, job, "L4") });
  await expect(runEnvelope(dying, envelope)).rejects.toThrow("died");
  const taken = await waitForReceipt(runEnvelope(deps, envelope, { attempt: 2 }));
  expect(taken.status).toBe("success");
  expect((await readRecord(taken)).evidence.decided).toBeUndefined();
  expect(await findMismatch(taken, {})).toBeUndefined();

  const clone = new Clone();
  clone.commit("c.txt", "three\n");
  const lost = await stagePushJob(world, clone.bundle("HEAD"), { branch: "feature/a", expected_old: "1".repeat(40) });
  const ended = await waitForReceipt(runEnvelope(deps, buildRunnerCommand(world, { job: lost })));
  expect(ended.status).toBe("error");
  expect(await findMismatch(ended, {})).toBeUndefined();
});

it("a change of the charter by an act holds, and not without its entry", async () => {
  const person = { name: "Dora", emails: [], passkeys: [], disabled: false };
  const params = { project_id: "_" as const, persons: { "person:dora": person }, actors: {} };
  const job: Job = { jobType: "registry.members.change", params };
  const scopes = await approveJob(world, deps, job, "L3", "office:registry");
  const receipt = await waitForReceipt(runEnvelope(deps, buildRunnerCommand(world, { job, scopes })));
  expect(receipt.status, receipt.error).toBe("success");
  expect(await findMismatch(receipt, {})).toBeUndefined();
  const entry = toCharterKey(TENANT, receipt.charter_version + 1);
  expect(await findMismatch(receipt, { [entry]: undefined })).toMatchObject({
    file: entry,
    problem: expect.stringContaining("It is missing"),
  });
});

describe("a receipt does not hold", () => {
  it.each(["permit", "statement"] as const)("that LAB 256's %s key signed, although the charter names that key", async (use) => {
    const forged = resign(release, {}, world.keys[use]);
    expect(await findMismatch(release, toReceipt(forged))).toMatchObject({
      file: toReceiptKey(TENANT, release.jti),
      member: "kid",
      problem: expect.stringContaining("is not a valid receipt key in version 1"),
    });
  });

  it("of an act before it in the chain that another key signed, since it decides who pushed", async () => {
    const before = JSON.parse(
      Buffer.from((await world.store.blobs.get(toReceiptKey(TENANT, release.previous_act ?? ""))) ?? []).toString(),
    );
    const forged = resign(receiptSchema.parse(before), { person_id: "person:carol" }, createWorldKey());
    expect(await findMismatch(release, toReceipt(forged))).toMatchObject({ file: toReceiptKey(TENANT, forged.jti), member: "kid" });
  });

  it("that names another target of the branch than the approved merge makes", async () => {
    const refs = merge.refs.map((move) => ({ ...move, new: source }));
    const forged = resign(merge, { refs }, world.keys.receipt);
    expect(await findMismatch(merge, toReceipt(forged))).toMatchObject({
      file: toRepoPrefix(TENANT, "P.demo"),
      problem: expect.stringContaining(`commit ${source}, which the receipt says that the act made, has no signature`),
    });
  });

  it("that names another object that the registry made than the approved release makes", async () => {
    const refs = release.refs.map((move) => ({ ...move, new: merge.refs[0]?.new ?? "" }));
    const forged = resign(release, { refs }, world.keys.receipt);
    expect(await findMismatch(release, toReceipt(forged))).toMatchObject({
      file: toReceiptKey(TENANT, release.jti),
      member: "refs",
      problem: expect.stringContaining(`the receipt says ${merge.refs[0]?.new}`),
    });
  });

  it("of an act before it that a Runner changed, because the acts around it moved other refs", async () => {
    const bytes = (await world.store.blobs.get(toReceiptKey(TENANT, merge.previous_act ?? ""))) ?? [];
    const before = receiptSchema.parse(JSON.parse(Buffer.from(bytes).toString()));
    const forged = resign(before, { refs: before.refs.map((move) => ({ ...move, old: "1".repeat(40) })) }, world.keys.receipt);
    expect(await findMismatch(merge, toReceipt(forged))).toMatchObject({ file: toReceiptKey(TENANT, forged.jti), member: "refs" });
  });

  it("that leaves out the acts before it", async () => {
    const forged = resign(merge, { previous_act: null }, world.keys.receipt);
    expect(await findMismatch(merge, toReceipt(forged))).toMatchObject({ file: toReceiptKey(TENANT, merge.jti), member: "previous_act" });
  });
});

describe("an emergency", () => {
  const REASON = { reason: "Payments are down." };
  let emergency: Receipt;

  beforeAll(async () => {
    const job = buildTagJob({ tag: "v0.0.9", commit: source });
    const planned = await planAct(deps, { tenant_id: TENANT, target: "LAB_512", job });
    if (!planned.ok) throw new Error(planned.denial.message);
    const about = { tenant_id: TENANT, job, level: "L5", office_id: "office::default", plan_digest: planned.value.plan_digest } as const;
    const { authority, scopes } = buildAuthority(toCardSigner(world), { ...about, break_glass: REASON, approvers: ["ana", "bob"] });
    emergency = await waitForReceipt(runEnvelope(deps, buildRunnerCommand(world, { job, scopes }), {}, authority));
    expect(emergency, emergency.error).toMatchObject({ status: "success", break_glass: REASON });
  });

  it("holds, although its author approved it", async () => {
    expect(await findMismatch(emergency, {})).toBeUndefined();
  });

  it.each<[string, Receipt["break_glass"]]>([
    ["hides", undefined],
    ["rewords", { reason: "A drill." }],
  ])("does not hold with a receipt that %s it", async (_, break_glass) => {
    const { break_glass: __, ...rest } = emergency;
    const forged = resign(rest, break_glass === undefined ? {} : { break_glass }, world.keys.receipt);
    expect(await findMismatch(emergency, toReceipt(forged))).toMatchObject({
      file: toReceiptKey(TENANT, emergency.jti),
      member: "break_glass",
      problem: expect.stringContaining(REASON.reason),
    });
  });

  it("does not hold if a receipt invents it", async () => {
    const forged = resign(release, { break_glass: REASON }, world.keys.receipt);
    expect(await findMismatch(release, toReceipt(forged))).toMatchObject({
      file: toReceiptKey(TENANT, release.jti),
      member: "break_glass",
      problem: expect.stringContaining("declares no emergency"),
    });
  });

  it("does not hold if a Runner hides it from record and receipt, because the claim and the approvers named it", async () => {
    const hide = ({ evidence, ...own }: ReadRecord): ReadRecord => {
      const { break_glass: _, ...card } = evidence.card ?? {};
      return { ...own, evidence: { ...evidence, card: card as ReadRecord["evidence"]["card"] } };
    };
    const { break_glass: _, ...rest } = emergency;
    const hidden = await forge(rest, hide);
    expect(await findMismatch(emergency, hidden.objects)).toMatchObject({ file: toClaimKey(TENANT, emergency.jti), member: "break_glass" });
    const also = await forge(rest, hide, {}, ({ break_glass: __, ...claim }) => claim);
    expect(await findMismatch(emergency, also.objects)).toMatchObject({ file: also.logs_key, member: "decision" });
  });
});

describe("a compromised Runner, which holds its receipt key, cannot make hold", () => {
  it("a record without the approvals that the policy requires", async () => {
    const { logs_key, objects } = await forge(merge, ({ evidence, ...rest }) => ({ ...rest, evidence: { ...evidence, statements: [] } }));
    expect(await findMismatch(merge, objects)).toMatchObject({
      file: logs_key,
      member: "decision",
      problem: expect.stringContaining("lacks 1 more approval"),
    });
  });

  it("a decision of its own that requires nothing", async () => {
    const { logs_key, objects } = await forge(merge, ({ evidence, ...rest }) => {
      const { decided } = evidence;
      if (decided === undefined || !decided.decision.allowed) throw new Error("nothing was decided");
      return { ...rest, evidence: { ...evidence, decided: { ...decided, decision: { ...decided.decision, requires: [] } } } };
    });
    expect(await findMismatch(merge, objects)).toMatchObject({ file: logs_key, member: "decision" });
  });

  it("an approval of another round, although the approver signed it with a passkey", async () => {
    const { logs_key, objects } = await forge(merge, ({ evidence, ...rest }) => {
      const { card } = evidence;
      if (card === null) throw new Error("the record has no card");
      const plan_digest = rest.command.permit.scopes.plan_digest ?? "";
      const other = signApproval(toCardSigner(world), "bob", card, plan_digest, { hasStepUp: true, round: 2 });
      return { ...rest, evidence: { ...evidence, statements: [other] } };
    });
    expect(await findMismatch(merge, objects)).toMatchObject({
      file: logs_key,
      member: "decision",
      problem: expect.stringContaining("not that of this card, round and plan"),
    });
  });

  it("the approval of the person who pushed the commits", async () => {
    const { logs_key, objects } = await forge(merge, ({ evidence, ...rest }) => {
      const { card } = evidence;
      if (card === null) throw new Error("the record has no card");
      const own = signApproval(toCardSigner(world), "carol", card, rest.command.permit.scopes.plan_digest ?? "", { hasStepUp: true });
      return { ...rest, evidence: { ...evidence, statements: [own] } };
    });
    expect(await findMismatch(merge, objects)).toMatchObject({
      file: logs_key,
      member: "decision",
      problem: expect.stringContaining("pushed"),
    });
  });

  it("another command under the same permit", async () => {
    const { logs_key, objects } = await forge(release, ({ command, ...rest }) => {
      if (command.jobType !== "git.registry.tag_release") throw new Error("not a release");
      return { ...rest, command: { ...command, params: { ...command.params, notes: "Other notes." } } };
    });
    expect(await findMismatch(release, objects)).toMatchObject({ file: logs_key, member: "command" });
  });

  it("a permit that it signed itself", async () => {
    const genuine = await readRecord(release);
    const { kid: _, sig: __, ...unsigned } = genuine.command.permit;
    const permit = signObject("permit", unsigned, world.keys.receipt);
    const command = { ...genuine.command, permit };
    const digest = hashCanonical(command);
    const { logs_key, objects } = await forge(release, (own) => ({ ...own, command }), { envelope_digest: digest });
    expect(await findMismatch(release, objects)).toMatchObject({ file: logs_key, member: "command.permit" });
  });
});

describe("a commit that the registry made does not hold", () => {
  let branches = 0;
  /** Merges on a Runner with another git key. Returns the receipt and the commit. */
  async function mergeWith(gitKey: SigningKey, base: string): Promise<{ made: Receipt; commit: string }> {
    branches += 1;
    const branch = `feature/key-${branches}`;
    const clone = new Clone();
    const first = clone.commit("k.txt", `${branches}\n`);
    await run(await stagePushJob(world, clone.bundle("HEAD"), { branch }));
    const target = `release/key-${branches}`;
    await run(
      {
        jobType: MERGE,
        params: { project_id: "P.demo", source: branch, target, expected_source: first, expected_target: ZERO_ID, strategy: "merge" },
      },
      "L5",
    );
    const next = clone.commit("l.txt", base);
    await run(await stagePushJob(world, clone.bundle("HEAD"), { branch, expected_old: first }));
    const params = {
      project_id: "P.demo",
      source: branch,
      target,
      expected_source: next,
      expected_target: first,
      strategy: "merge" as const,
    };
    const own = deps;
    deps = await world.openRunner({ gitKey });
    const made = await run({ jobType: MERGE, params }, "L5").finally(() => {
      deps = own;
    });
    return { made, commit: made.refs[0]?.new ?? "" };
  }
  const MERGE = "git.registry.merge_protected";
  const expectNamed = async (act: Receipt, problem: string, objects: Readonly<Record<string, Uint8Array | undefined>> = {}) =>
    expect(await findMismatch(act, objects)).toMatchObject({
      file: toRepoPrefix(TENANT, "P.demo"),
      problem: expect.stringContaining(problem),
    });

  // This Runner passes its own check, because it lies about which key it has.
  it("without a signature that matches", async () => {
    const { made, commit } = await mergeWith({ ...world.keys.git, privateKey: createWorldKey().privateKey }, "a\n");
    await expectNamed(made, `The signature of the commit ${commit} does not match`);
  });

  it("with the signature of a key that the charter does not name", async () => {
    const stolen = createWorldKey();
    const { made, commit } = await mergeWith({ ...stolen, kid: world.keys.git.kid }, "b\n");
    await expectNamed(made, `The commit ${commit} is signed by the key ${stolen.kid}, which is not a valid git key in version 1`);
  });

  it.each(["permit", "receipt"] as const)("with the signature of the charter's %s key", async (use) => {
    const { made, commit } = await mergeWith({ ...world.keys[use], kid: world.keys.git.kid }, `${use}\n`);
    await expectNamed(made, `The commit ${commit} is signed by the key ${world.keys[use].kid}, which is not a valid git key`);
  });

  it("without any signature", async () => {
    const genuine = merge.refs[0]?.new ?? "";
    const clone = new Clone();
    clone.git("-c", "safe.directory=*", "fetch", "-q", await copyRepository(), "refs/heads/main");
    const signed = splitSignedCommit(clone.run(["cat-file", "commit", genuine]));
    const commit = clone.writeObject("commit", signed?.unsigned ?? Buffer.alloc(0));
    const objects = await addObject(clone, commit);
    const refs = merge.refs.map((move) => ({ ...move, new: commit }));
    const forged = toReceipt(resign(merge, { refs }, world.keys.receipt));
    await expectNamed(merge, `The commit ${commit}, which the receipt says that the act made, has no signature`, { ...objects, ...forged });
  });

  /** Copies the project's repository out of the store. */
  async function copyRepository(): Promise<string> {
    return join(await copyStore(world.store, {}), toRepoPrefix(TENANT, "P.demo"));
  }
  /** Returns a pack with one more object, as the store would have it. */
  async function addObject(clone: Clone, id: string): Promise<Readonly<Record<string, Uint8Array>>> {
    const hash = clone
      .run(["pack-objects", "-q", "forged"], Buffer.from(`${id}\n`))
      .toString("utf8")
      .trim();
    const folder = `${toRepoPrefix(TENANT, "P.demo")}/objects/pack`;
    const files = ["pack", "idx"].map(async (type) => {
      return [`${folder}/pack-${hash}.${type}`, await readFile(join(clone.folder, `forged-${hash}.${type}`))] as const;
    });
    return Object.fromEntries(await Promise.all(files));
  }
});

describe("a changed charter", () => {
  const change = async (what: CharterChange) => {
    const key = world.keys.founding.get(TENANT);
    if (key === undefined) throw new Error("the tenant has no founding key");
    return appendCharterEntry(world.store, TENANT, key, what);
  };

  it("lets no receipt hold that names a version in which its key was revoked", async () => {
    const next = createWorldKey();
    const add = [{ use: "receipt" as const, jwk: next.jwk, revoked: false }];
    const version = await change({ jobType: "registry.keys.rotate", params: { add, revoke: [world.keys.receipt.kid] } });
    expect(await findMismatch(release, {})).toBeUndefined();
    const stolen = resign(release, { charter_version: version }, world.keys.receipt);
    expect(await findMismatch(release, toReceipt(stolen))).toMatchObject({
      file: toReceiptKey(TENANT, release.jti),
      member: "kid",
      problem: expect.stringContaining(`is not a valid receipt key in version ${version}`),
    });
    deps = await world.openRunner({ receiptKey: next });
  });

  it("is noticed where it was cut off before the version that a receipt names, or has a gap", async () => {
    const later = await run(buildTagJob({ tag: "v1.1.0", commit: source }), "L4");
    const last = toCharterKey(TENANT, later.charter_version);
    expect(await findMismatch(later, {})).toBeUndefined();
    expect(await findMismatch(later, { [last]: undefined })).toMatchObject({
      file: toReceiptKey(TENANT, later.jti),
      member: "charter_version",
      problem: expect.stringContaining(`${last} is missing`),
    });
    expect(await findMismatch(release, { [toCharterKey(TENANT, 1)]: undefined })).toMatchObject({ file: toCharterKey(TENANT, 1) });
    expect(await findMismatch(release, { [toCharterKey(TENANT, 2)]: undefined })).toMatchObject({
      file: toCharterKey(TENANT, 2),
      problem: expect.stringContaining(`although ${last} is there`),
    });
  });
});
