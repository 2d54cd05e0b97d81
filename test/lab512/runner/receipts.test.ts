import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { loadPolicy } from "../../../src/decision/policy/policy.js";
import { toCanonicalBytes } from "../../../src/domain/bytes/canonical.js";
import { hashBlake3Hex } from "../../../src/domain/bytes/hash.js";
import { verifySignedObject } from "../../../src/domain/bytes/signature.js";
import { hashEnvelope } from "../../../src/domain/permit/envelope.js";
import { type Receipt, receiptSchema } from "../../../src/domain/permit/receipt.js";
import type { ActInput } from "../../../src/domain/policy/policy-contract.js";
import { toReceiptKey } from "../../../src/domain/storage-key.js";
import { GhostAttempt } from "../../../src/lab512/runner/claim-holding.js";
import type { RunnerDependencies } from "../../../src/lab512/runner/dependencies.js";
import { appendCharterEntry } from "../../../src/stack/founding/charter.js";
import { readDefaultPolicy } from "../../../src/stack/founding/policy.js";
import { Clone } from "../../repository/real-git.js";
import {
  approveJob,
  buildInitJob,
  buildRunnerCommand,
  buildTagJob,
  findAuthority,
  PROJECT,
  type Recipe,
  readStoredReceipt,
  registerByRunner,
  runEnvelope,
  stagePushJob,
  waitForReceipt,
} from "./commands.js";
import { AUTHOR } from "./members.js";
import { createWorldKey, hashContents, MAIN_BACKEND, openWorld, TENANT, toJwks, type World } from "./world.js";

describe("receipts", () => {
  let world: World;
  let deps: RunnerDependencies;
  let clone: Clone;
  let tip: string;

  beforeAll(async () => {
    world = await openWorld(MAIN_BACKEND);
    deps = await world.openRunner();
    await registerByRunner(world, deps);
    clone = new Clone();
    tip = clone.commit("a.txt", "one\n");
  });
  afterAll(() => world.close());

  /** Runs a command and checks what holds for every receipt. */
  const expectValidReceipt = async (recipe: Recipe): Promise<Receipt> => {
    const envelope = buildRunnerCommand(world, recipe);
    const receipt = await waitForReceipt(runEnvelope(deps, envelope));
    expect(receiptSchema.parse(receipt)).toEqual(receipt);
    expect(await world.store.blobs.get(toReceiptKey(TENANT, envelope.jti))).toEqual(toCanonicalBytes(receipt));
    expect(verifySignedObject("receipt", receipt, toJwks(world.keys.receipt))).toBe("valid");
    expect(verifySignedObject("receipt", receipt, toJwks(createWorldKey()))).toBe("key_unknown");
    const altered: Receipt = { ...receipt, status: "denied" };
    expect(verifySignedObject("receipt", altered, toJwks(world.keys.receipt))).toBe("signature_invalid");
    const log = await world.store.blobs.get(receipt.logs_key);
    expect(hashBlake3Hex(log ?? new Uint8Array(0))).toBe(receipt.logs_hash);
    expect(Buffer.from(log ?? []).toString("utf8")).toContain(`${envelope.jobType} ${envelope.jobId} jti ${envelope.jti} attempt 1`);
    const { tenant_id, jobId, jti, jobType, policy_hash } = envelope;
    expect(receipt).toMatchObject({ tenant_id, jobId, jti, jobType, policy_hash, envelope_digest: hashEnvelope(envelope) });
    expect(receipt.usage).toEqual({ wall_ms: expect.any(Number), staged_bytes: expect.any(Number), stored_bytes: expect.any(Number) });
    return receipt;
  };

  it("name the branch and commit of a push, and its usage", async () => {
    const bundle = clone.bundle("main");
    const receipt = await expectValidReceipt({ job: await stagePushJob(world, bundle, { branch: "feature/x" }) });
    expect(receipt).toMatchObject({ status: "success", error: "", project_id: PROJECT });
    expect(receipt).not.toHaveProperty("code");
    expect(receipt.artifacts).toEqual([JSON.stringify({ branch: "feature/x", commit: tip, brought: [tip] })]);
    expect(receipt.refs).toEqual([{ name: "refs/heads/feature/x", old: "0".repeat(40), new: tip }]);
    expect(receipt.usage.staged_bytes).toBe(bundle.byteLength);
    expect(receipt.usage.stored_bytes).toBeGreaterThan(0);
    expect(receipt.logs_key).toBe(`artifacts/${TENANT}/${PROJECT}/${tip}/${receipt.jti}/${receipt.logs_hash}.jsonl`);
  });

  it("name a record with which the decision can be made again, by the policy's bytes alone", async () => {
    const readRecord = async ({ logs_key }: Receipt): Promise<Record<string, unknown>[]> => {
      const bytes = await world.store.blobs.get(logs_key);
      return Buffer.from(bytes ?? [])
        .toString("utf8")
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line));
    };
    const find = (lines: readonly Record<string, unknown>[], name: string) => lines.flatMap((line) => (name in line ? [line[name]] : []));
    const policy = await loadPolicy(await readDefaultPolicy());
    const expectDecided = (lines: readonly Record<string, unknown>[], level: string) => {
      const [decision] = find(lines, "decision");
      expect(policy.decide(find(lines, "input")[0] as ActInput)).toEqual(decision);
      expect(decision).toMatchObject({ allowed: true, level });
    };
    const pushed = await readRecord(
      await expectValidReceipt({ job: await stagePushJob(world, clone.bundle("main"), { branch: "feature/r" }) }),
    );
    expectDecided(pushed, "L1");
    expect([...find(pushed, "card"), ...find(pushed, "statement")]).toEqual([]);
    const job = buildTagJob({ commit: tip, tag: "v0.0.9" });
    const scopes = await approveJob(world, deps, job);
    const authority = findAuthority({ permit: { scopes } });
    const released = await readRecord(await expectValidReceipt({ job, scopes }));
    expectDecided(released, "L4");
    expect(find(released, "card")).toEqual([authority?.card]);
    expect(find(released, "statement")).toEqual(authority?.statements);
  });

  it("name the actor, the person whom the newest charter names for it, and the act before", async () => {
    const push = async (branch: string) => expectValidReceipt({ job: await stagePushJob(world, clone.bundle("main"), { branch }) });
    const before = await push("feature/of-ana");
    expect(before).toMatchObject({ actor_id: AUTHOR, person_id: "person:ana", charter_version: 1 });
    const foundingKey = world.keys.founding.get(TENANT);
    const author = world.members.params.actors[AUTHOR];
    if (foundingKey === undefined || author === undefined) throw new Error("The tenant has no founding key or no author.");
    const params = { persons: {}, actors: { [AUTHOR]: { ...author, person_id: "person:carol" } } };
    await appendCharterEntry(world.store, TENANT, foundingKey, { jobType: "registry.members.change", params });
    expect(await push("feature/of-carol")).toMatchObject({ person_id: "person:carol", charter_version: 2, previous_act: before.jti });
    const back = { persons: {}, actors: { [AUTHOR]: author } };
    await appendCharterEntry(world.store, TENANT, foundingKey, { jobType: "registry.members.change", params: back });
  });

  it("name the repository's location for a registration", async () => {
    const job = buildInitJob("P.receipts");
    const receipt = await expectValidReceipt({ job, scopes: await approveJob(world, deps, job) });
    expect(receipt).toMatchObject({ status: "success", refs: [], previous_act: null });
    expect(receipt.artifacts.map((artifact) => JSON.parse(artifact))).toEqual([
      { project_id: "P.receipts", repo: `repos/${TENANT}/P.receipts.git` },
    ]);
    expect(receipt.logs_key).toContain(`artifacts/${TENANT}/P.receipts/_/`);
  });

  it("name the tag object and the commit of a release", async () => {
    const job = buildTagJob({ commit: tip });
    const receipt = await expectValidReceipt({ job, scopes: await approveJob(world, deps, job, "L4") });
    expect(receipt.artifacts.map((artifact) => JSON.parse(artifact))).toMatchObject([
      { tag: "v1.0.0", commit: tip, tag_object: receipt.refs[0]?.new },
    ]);
  });

  it("give a job's denial as a code and a sentence, without refs or artifacts", async () => {
    const receipt = await expectValidReceipt({ job: await stagePushJob(world, Buffer.from("no bundle"), { branch: "feature/bad" }) });
    expect(receipt).toMatchObject({ status: "error", refs: [], artifacts: [], previous_act: null });
    expect(receipt.code).toMatch(/^[a-z_]+$/);
    expect(receipt.error).toMatch(/^[A-Z`].*\.$/s);
  });

  it("are unique per jti even if 16 attempts run at once", async () => {
    const envelope = buildRunnerCommand(world, { job: await stagePushJob(world, clone.bundle("main"), { branch: "feature/many" }) });
    const attempts = Array.from({ length: 16 }, (_, at) => runEnvelope(deps, envelope, { attempt: at + 1 }));
    const outcomes = await Promise.allSettled(attempts);
    const receipts = outcomes.flatMap((outcome) =>
      outcome.status === "fulfilled" && outcome.value.kind === "receipt" ? [outcome.value.receipt] : [],
    );
    for (const outcome of outcomes) if (outcome.status === "rejected") expect(outcome.reason).toBeInstanceOf(GhostAttempt);
    expect(outcomes.filter((outcome) => outcome.status === "fulfilled").length).toBe(receipts.length);
    const last = await waitForReceipt(runEnvelope(deps, envelope, { attempt: 17 }));
    for (const receipt of receipts) expect(receipt).toEqual(last);
    expect(await readStoredReceipt(world, envelope.jti)).toEqual(last);
    expect(last).toMatchObject({ status: "success", refs: [{ new: tip }] });
    const kept = Object.keys(await hashContents(world.store)).filter((key) => key.startsWith("receipts/") && key.includes(envelope.jti));
    expect(kept).toEqual([toReceiptKey(TENANT, envelope.jti)]);
  });
});
