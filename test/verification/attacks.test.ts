import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Job } from "../../src/domain/act/job.js";
import { hashCanonical } from "../../src/domain/bytes/canonical.js";
import { signObject } from "../../src/domain/bytes/signature.js";
import type { CharterChange } from "../../src/domain/charter/change.js";
import { type Receipt, receiptSchema } from "../../src/domain/permit/receipt.js";
import { toCharterKey, toClaimKey, toReceiptKey, toRepoPrefix } from "../../src/domain/storage-key.js";
import { planAct } from "../../src/lab512/runner/plan-act.js";
import { appendCharterEntry } from "../../src/stack/founding/charter.js";
import {
  approveJob,
  buildAuthority,
  buildRunnerCommand,
  buildTagJob,
  runEnvelope,
  signApproval,
  stagePushJob,
  toCardSigner,
  waitForReceipt,
} from "../lab512/runner/commands.js";
import { createWorldKey, TENANT } from "../lab512/runner/world.js";
import { Clone } from "../repository/real-git.js";
import { AttackedRegistry, type ReadRecord, resign, toReceipt } from "./attacked-registry.js";

// The attacker has the copy and the keys that the story names, and no founding key and no passkey of an approver.

let attacked: AttackedRegistry;
beforeAll(async () => {
  attacked = await AttackedRegistry.open();
});
afterAll(() => attacked.close());

it("the genuine copy holds", async () => {
  expect(await attacked.findMismatch(attacked.merge, {})).toBeUndefined();
  expect(await attacked.findMismatch(attacked.release, {})).toBeUndefined();
});

it("an act that another attempt took over holds, and one that ended without an effect", async () => {
  const dying = await attacked.world.openRunner({
    onStep: (_, step) => {
      if (step === "moved") throw new Error("died");
    },
  });
  const job = buildTagJob({ tag: "v0.0.1", commit: attacked.source });
  const envelope = buildRunnerCommand(attacked.world, { job, scopes: await approveJob(attacked.world, attacked.deps, job, "L4") });
  await expect(runEnvelope(dying, envelope)).rejects.toThrow("died");
  const taken = await waitForReceipt(runEnvelope(attacked.deps, envelope, { attempt: 2 }));
  expect(taken.status).toBe("success");
  expect((await attacked.readRecord(taken)).evidence.decided).toBeUndefined();
  expect(await attacked.findMismatch(taken, {})).toBeUndefined();

  const clone = new Clone();
  clone.commit("c.txt", "three\n");
  const lost = await stagePushJob(attacked.world, clone.bundle("HEAD"), { branch: "feature/a", expected_old: "1".repeat(40) });
  const ended = await waitForReceipt(runEnvelope(attacked.deps, buildRunnerCommand(attacked.world, { job: lost })));
  expect(ended.status).toBe("error");
  expect(await attacked.findMismatch(ended, {})).toBeUndefined();
});

it("a change of the charter by an act holds, and not without its entry", async () => {
  const person = { name: "Dora", emails: [], passkeys: [], disabled: false };
  const params = { project_id: "_" as const, persons: { "person:dora": person }, actors: {} };
  const job: Job = { jobType: "registry.members.change", params };
  const scopes = await approveJob(attacked.world, attacked.deps, job, "L3", "office:registry");
  const receipt = await waitForReceipt(runEnvelope(attacked.deps, buildRunnerCommand(attacked.world, { job, scopes })));
  expect(receipt.status, receipt.error).toBe("success");
  expect(await attacked.findMismatch(receipt, {})).toBeUndefined();
  const entry = toCharterKey(TENANT, receipt.charter_version + 1);
  expect(await attacked.findMismatch(receipt, { [entry]: undefined })).toMatchObject({
    file: entry,
    problem: expect.stringContaining("It is missing"),
  });
});

describe("a receipt does not hold", () => {
  it.each(["permit", "statement"] as const)("that LAB 256's %s key signed, although the charter names that key", async (use) => {
    const forged = resign(attacked.release, {}, attacked.world.keys[use]);
    expect(await attacked.findMismatch(attacked.release, toReceipt(forged))).toMatchObject({
      file: toReceiptKey(TENANT, attacked.release.jti),
      member: "kid",
      problem: expect.stringContaining("is not a valid receipt key in version 1"),
    });
  });

  it("of an act before it in the chain that another key signed, since it decides who pushed", async () => {
    const before = JSON.parse(
      Buffer.from((await attacked.world.store.blobs.get(toReceiptKey(TENANT, attacked.release.previous_act ?? ""))) ?? []).toString(),
    );
    const forged = resign(receiptSchema.parse(before), { person_id: "person:carol" }, createWorldKey());
    expect(await attacked.findMismatch(attacked.release, toReceipt(forged))).toMatchObject({
      file: toReceiptKey(TENANT, forged.jti),
      member: "kid",
    });
  });

  it("that names another target of the branch than the approved merge makes", async () => {
    const refs = attacked.merge.refs.map((move) => ({ ...move, new: attacked.source }));
    const forged = resign(attacked.merge, { refs }, attacked.world.keys.receipt);
    expect(await attacked.findMismatch(attacked.merge, toReceipt(forged))).toMatchObject({
      file: toRepoPrefix(TENANT, "P.demo"),
      problem: expect.stringContaining(`commit ${attacked.source}, which the receipt says that the act made, has no signature`),
    });
  });

  it("that names another object that the registry made than the approved release makes", async () => {
    const refs = attacked.release.refs.map((move) => ({ ...move, new: attacked.merge.refs[0]?.new ?? "" }));
    const forged = resign(attacked.release, { refs }, attacked.world.keys.receipt);
    expect(await attacked.findMismatch(attacked.release, toReceipt(forged))).toMatchObject({
      file: toReceiptKey(TENANT, attacked.release.jti),
      member: "refs",
      problem: expect.stringContaining(`the receipt says ${attacked.merge.refs[0]?.new}`),
    });
  });

  it("of an act before it that a Runner changed, because the acts around it moved other refs", async () => {
    const bytes = (await attacked.world.store.blobs.get(toReceiptKey(TENANT, attacked.merge.previous_act ?? ""))) ?? [];
    const before = receiptSchema.parse(JSON.parse(Buffer.from(bytes).toString()));
    const forged = resign(before, { refs: before.refs.map((move) => ({ ...move, old: "1".repeat(40) })) }, attacked.world.keys.receipt);
    expect(await attacked.findMismatch(attacked.merge, toReceipt(forged))).toMatchObject({
      file: toReceiptKey(TENANT, forged.jti),
      member: "refs",
    });
  });

  it("that leaves out the acts before it", async () => {
    const forged = resign(attacked.merge, { previous_act: null }, attacked.world.keys.receipt);
    expect(await attacked.findMismatch(attacked.merge, toReceipt(forged))).toMatchObject({
      file: toReceiptKey(TENANT, attacked.merge.jti),
      member: "previous_act",
    });
  });
});

describe("an emergency", () => {
  const REASON = { reason: "Payments are down." };
  let emergency: Receipt;

  beforeAll(async () => {
    const job = buildTagJob({ tag: "v0.0.9", commit: attacked.source });
    const planned = await planAct(attacked.deps, { tenant_id: TENANT, target: "LAB_512", job });
    if (!planned.ok) throw new Error(planned.denial.message);
    const about = { tenant_id: TENANT, job, level: "L5", office_id: "office::default", plan_digest: planned.value.plan_digest } as const;
    const { authority, scopes } = buildAuthority(toCardSigner(attacked.world), {
      ...about,
      break_glass: REASON,
      approvers: ["ana", "bob"],
    });
    emergency = await waitForReceipt(runEnvelope(attacked.deps, buildRunnerCommand(attacked.world, { job, scopes }), {}, authority));
    expect(emergency, emergency.error).toMatchObject({ status: "success", break_glass: REASON });
  });

  it("holds, although its author approved it", async () => {
    expect(await attacked.findMismatch(emergency, {})).toBeUndefined();
  });

  it.each<[string, Receipt["break_glass"]]>([
    ["hides", undefined],
    ["rewords", { reason: "A drill." }],
  ])("does not hold with a receipt that %s it", async (_, break_glass) => {
    const { break_glass: __, ...rest } = emergency;
    const forged = resign(rest, break_glass === undefined ? {} : { break_glass }, attacked.world.keys.receipt);
    expect(await attacked.findMismatch(emergency, toReceipt(forged))).toMatchObject({
      file: toReceiptKey(TENANT, emergency.jti),
      member: "break_glass",
      problem: expect.stringContaining(REASON.reason),
    });
  });

  it("does not hold if a receipt invents it", async () => {
    const forged = resign(attacked.release, { break_glass: REASON }, attacked.world.keys.receipt);
    expect(await attacked.findMismatch(attacked.release, toReceipt(forged))).toMatchObject({
      file: toReceiptKey(TENANT, attacked.release.jti),
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
    const hidden = await attacked.forge(rest, hide);
    expect(await attacked.findMismatch(emergency, hidden.objects)).toMatchObject({
      file: toClaimKey(TENANT, emergency.jti),
      member: "break_glass",
    });
    const also = await attacked.forge(rest, hide, {}, ({ break_glass: __, ...claim }) => claim);
    expect(await attacked.findMismatch(emergency, also.objects)).toMatchObject({ file: also.logs_key, member: "decision" });
  });
});

describe("a compromised Runner, which holds its receipt key, cannot make hold", () => {
  it("a record without the approvals that the policy requires", async () => {
    const { logs_key, objects } = await attacked.forge(attacked.merge, ({ evidence, ...rest }) => ({
      ...rest,
      evidence: { ...evidence, statements: [] },
    }));
    expect(await attacked.findMismatch(attacked.merge, objects)).toMatchObject({
      file: logs_key,
      member: "decision",
      problem: expect.stringContaining("lacks 1 more approval"),
    });
  });

  it("a decision of its own that requires nothing", async () => {
    const { logs_key, objects } = await attacked.forge(attacked.merge, ({ evidence, ...rest }) => {
      const { decided } = evidence;
      if (decided === undefined || !decided.decision.allowed) throw new Error("nothing was decided");
      return { ...rest, evidence: { ...evidence, decided: { ...decided, decision: { ...decided.decision, requires: [] } } } };
    });
    expect(await attacked.findMismatch(attacked.merge, objects)).toMatchObject({ file: logs_key, member: "decision" });
  });

  it("an approval of another round, although the approver signed it with a passkey", async () => {
    const { logs_key, objects } = await attacked.forge(attacked.merge, ({ evidence, ...rest }) => {
      const { card } = evidence;
      if (card === null) throw new Error("the record has no card");
      const plan_digest = rest.command.permit.scopes.plan_digest ?? "";
      const other = signApproval(toCardSigner(attacked.world), "bob", card, plan_digest, { hasStepUp: true, round: 2 });
      return { ...rest, evidence: { ...evidence, statements: [other] } };
    });
    expect(await attacked.findMismatch(attacked.merge, objects)).toMatchObject({
      file: logs_key,
      member: "decision",
      problem: expect.stringContaining("not that of this card, round and plan"),
    });
  });

  it("the approval of the person who pushed the commits", async () => {
    const { logs_key, objects } = await attacked.forge(attacked.merge, ({ evidence, ...rest }) => {
      const { card } = evidence;
      if (card === null) throw new Error("the record has no card");
      const own = signApproval(toCardSigner(attacked.world), "carol", card, rest.command.permit.scopes.plan_digest ?? "", {
        hasStepUp: true,
      });
      return { ...rest, evidence: { ...evidence, statements: [own] } };
    });
    expect(await attacked.findMismatch(attacked.merge, objects)).toMatchObject({
      file: logs_key,
      member: "decision",
      problem: expect.stringContaining("pushed"),
    });
  });

  it("another command under the same permit", async () => {
    const { logs_key, objects } = await attacked.forge(attacked.release, ({ command, ...rest }) => {
      if (command.jobType !== "git.registry.tag_release") throw new Error("not a release");
      return { ...rest, command: { ...command, params: { ...command.params, notes: "Other notes." } } };
    });
    expect(await attacked.findMismatch(attacked.release, objects)).toMatchObject({ file: logs_key, member: "command" });
  });

  it("a permit that it signed itself", async () => {
    const genuine = await attacked.readRecord(attacked.release);
    const { kid: _, sig: __, ...unsigned } = genuine.command.permit;
    const permit = signObject("permit", unsigned, attacked.world.keys.receipt);
    const command = { ...genuine.command, permit };
    const digest = hashCanonical(command);
    const { logs_key, objects } = await attacked.forge(attacked.release, (own) => ({ ...own, command }), { envelope_digest: digest });
    expect(await attacked.findMismatch(attacked.release, objects)).toMatchObject({ file: logs_key, member: "command.permit" });
  });
});

describe("a changed charter", () => {
  const change = async (what: CharterChange) => {
    const key = attacked.world.keys.founding.get(TENANT);
    if (key === undefined) throw new Error("the tenant has no founding key");
    return appendCharterEntry(attacked.world.store, TENANT, key, what);
  };

  it("lets no receipt hold that names a version in which its key was revoked", async () => {
    const next = createWorldKey();
    const add = [{ use: "receipt" as const, jwk: next.jwk, revoked: false }];
    const version = await change({ jobType: "registry.keys.rotate", params: { add, revoke: [attacked.world.keys.receipt.kid] } });
    expect(await attacked.findMismatch(attacked.release, {})).toBeUndefined();
    const stolen = resign(attacked.release, { charter_version: version }, attacked.world.keys.receipt);
    expect(await attacked.findMismatch(attacked.release, toReceipt(stolen))).toMatchObject({
      file: toReceiptKey(TENANT, attacked.release.jti),
      member: "kid",
      problem: expect.stringContaining(`is not a valid receipt key in version ${version}`),
    });
    attacked.deps = await attacked.world.openRunner({ receiptKey: next });
  });

  it("is noticed where it was cut off before the version that a receipt names, or has a gap", async () => {
    const later = await attacked.run(buildTagJob({ tag: "v1.1.0", commit: attacked.source }), "L4");
    const last = toCharterKey(TENANT, later.charter_version);
    expect(await attacked.findMismatch(later, {})).toBeUndefined();
    expect(await attacked.findMismatch(later, { [last]: undefined })).toMatchObject({
      file: toReceiptKey(TENANT, later.jti),
      member: "charter_version",
      problem: expect.stringContaining(`${last} is missing`),
    });
    expect(await attacked.findMismatch(attacked.release, { [toCharterKey(TENANT, 1)]: undefined })).toMatchObject({
      file: toCharterKey(TENANT, 1),
    });
    expect(await attacked.findMismatch(attacked.release, { [toCharterKey(TENANT, 2)]: undefined })).toMatchObject({
      file: toCharterKey(TENANT, 2),
      problem: expect.stringContaining(`although ${last} is there`),
    });
  });
});
