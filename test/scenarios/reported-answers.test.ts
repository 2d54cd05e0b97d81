import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { requireValue } from "../../src/client/http/problem.js";
import { createRunnerClient, type RunnerClient } from "../../src/client/http/runner-client.js";
import { waitForCardToLeave, waitForCommandEnd } from "../../src/client/waiting.js";
import { readSigningKey } from "../../src/configuration/keys.js";
import { toActWorkflowId } from "../../src/domain/act/workflow-id.js";
import { toCanonicalBytes } from "../../src/domain/bytes/canonical.js";
import { type SigningKey, signObject } from "../../src/domain/bytes/signature.js";
import { type CommandEnvelope, hashEnvelope } from "../../src/domain/permit/envelope.js";
import type { Receipt, Refusal } from "../../src/domain/permit/receipt.js";
import { toClaimKey, toReceiptKey } from "../../src/domain/storage-key.js";
import { openDatabase } from "../../src/lab256/database/database.js";
import { demoTenants } from "../../src/stack/founding/demo-tenants.js";
import { finishUpdate, refuseUpdate } from "../../src/workflows/messages.js";
import { newKey } from "../domain/samples.js";
import { permitted, push } from "../harness/acting.js";
import { revokeRunnerKey } from "../harness/identity.js";
import { pullTenant } from "../harness/pulling.js";
import { startTestRegistry, type TestRegistry } from "../harness/registry.js";
import { openTemporal, type TemporalDesk } from "../harness/temporal-client.js";
import { Clone } from "../repository/real-git.js";
import { ACT_MS, initParams, openCard, refusal, state } from "./acts.js";

const PULL = "T.PULL";
const ELSEWHERE = "T.ELSEWHERE";

/** No Runner pulls here: the test reports for one, and what it reports is what a rogue one could. */
describe("what a Runner reports of a command that it pulled", () => {
  const [demo] = demoTenants;
  const pull = pullTenant(PULL, demo?.actors ?? []);
  const elsewhere = pullTenant(ELSEWHERE, []);
  const clone = new Clone();
  clone.commit("a.txt", "a\n");
  let registry: TestRegistry;
  let temporal: TemporalDesk;
  let key: SigningKey;
  let runner: RunnerClient;

  beforeAll(async () => {
    registry = await startTestRegistry({ name: "reported", tenants: [...demoTenants, pull.seed, elsewhere.seed] });
    temporal = await openTemporal(registry.temporal);
    key = readSigningKey(registry.founded.keys.receipt);
    runner = createRunnerClient({ server: registry.url, token: pull.tokens.LAB_512 }, PULL);
  });
  afterAll(async () => {
    await temporal?.close();
    await registry?.stop();
  });

  const author = () => registry.as("admin", PULL);
  let branches = 0;
  /** A command that waits to be pulled. */
  const pending = async (): Promise<CommandEnvelope> => {
    branches += 1;
    const envelope = await permitted(author(), push(clone, "P.reported", `feature/${branches}`));
    requireValue(await author().issueCommand(envelope));
    // The first step of its flow records it.
    for (;;) {
      const found = requireValue(await runner.listPendingCommands("LAB_512", 100)).find(({ jti }) => jti === envelope.jti);
      if (found !== undefined) return found;
      await delay(20);
    }
  };
  const statusOf = async ({ jti }: CommandEnvelope) => requireValue(await author().readCommand(jti)).status;
  const ended = ({ jti }: CommandEnvelope) => waitForCommandEnd(author(), jti, ACT_MS);
  const common = (envelope: CommandEnvelope) => ({
    tenant_id: envelope.tenant_id,
    jobId: envelope.jobId,
    jti: envelope.jti,
    jobType: envelope.jobType,
    project_id: envelope.params.project_id,
    finished_at: Date.now(),
    logs_hash: "a".repeat(64),
    logs_key: "log",
    artifacts: [],
    usage: { wall_ms: 1, staged_bytes: 0, stored_bytes: 0 },
    error: "The published policy is another one.",
    envelope_digest: hashEnvelope(envelope),
    policy_hash: envelope.policy_hash,
  });
  const refusalOf = (envelope: CommandEnvelope, by: SigningKey = key, members: Partial<Refusal> = {}): Refusal =>
    signObject("refusal", { ...common(envelope), status: "denied" as const, code: "policy_not_current" as const, ...members }, by);
  const receiptOf = (envelope: CommandEnvelope, by: SigningKey = key): Receipt =>
    signObject("receipt", { ...common(envelope), status: "error" as const, code: "ref_moved" as const, refs: [] }, by);
  const claimedBy = (envelope: CommandEnvelope, envelope_digest = hashEnvelope(envelope)) => {
    const held = { workflow_id: "another", run_id: "r", activity_id: "a", attempt: 1, nonce: "n", claimed_at: Date.now() };
    const claim = { kind: "act", tenant_id: PULL, jti: envelope.jti, envelope_digest, ...held };
    return registry.store.blobs.create(toClaimKey(PULL, envelope.jti), toCanonicalBytes(claim));
  };

  it("counts as a refusal only when its own key signed it for this very envelope, and only once", async () => {
    const [envelope, other] = [await pending(), await pending()];
    const stranger = newKey();
    const forgeries: readonly (readonly [string, Refusal, object])[] = [
      ["by a key that nobody registered", refusalOf(envelope, stranger), { status: 403, code: "forbidden" }],
      ["under the name of the Runner's key", refusalOf(envelope, { ...stranger, kid: key.kid }), { status: 403, code: "forbidden" }],
      ["changed after it was signed", { ...refusalOf(envelope), error: "Nothing." }, { status: 403, code: "forbidden" }],
      [
        "for another envelope with the same permit",
        refusalOf(envelope, key, { envelope_digest: "b".repeat(64) }),
        { status: 403, code: "answer_invalid" },
      ],
      [
        "for the envelope of another command",
        refusalOf(envelope, key, { envelope_digest: hashEnvelope(other) }),
        { status: 403, code: "answer_invalid" },
      ],
      ["for another job", refusalOf(envelope, key, { jobId: other.jobId }), { status: 404, code: "not_found" }],
      ["of another tenant", refusalOf(envelope, key, { tenant_id: "T.UBL" }), { status: 404, code: "not_found" }],
      ["for what was never issued", refusalOf(envelope, key, { jti: "5f0c2b6e-8f0e-4d5b-9a37-3f1f0e6b7a10" }), { status: 404 }],
    ];
    for (const [what, forged, why] of forgeries) expect(refusal(await runner.finish(forged)), what).toMatchObject(why);
    // A receipt's signature is none over a refusal, whatever members stand in it.
    const { refs: _, ...asRefusal } = receiptOf(envelope);
    expect(refusal(await runner.finish({ ...asRefusal, status: "denied", code: "ref_moved" }))).toMatchObject({ code: "forbidden" });
    expect(await statusOf(envelope)).toBe("running");

    const genuine = refusalOf(envelope);
    requireValue(await runner.finish(genuine));
    expect(await ended(envelope)).toMatchObject({ status: "denied", denial: { code: "policy_not_current" }, refusals: [genuine] });
    for (const late of [genuine, refusalOf(envelope), receiptOf(envelope)])
      expect(refusal(await runner.finish(late))).toMatchObject({ status: 409, code: "closed" });
    expect(await statusOf(other)).toBe("running");
  });

  it("is refused by its fields, as the report that it resembles", async () => {
    const envelope = await pending();
    const fieldsOf = async (report: object) => {
      const answer = await runner.finish(report as Refusal);
      return answer.ok ? [] : (answer.problem.errors ?? []).map(({ field }) => field);
    };
    expect(await fieldsOf({ ...refusalOf(envelope), code: "because" })).toEqual(["code"]);
    expect(await fieldsOf({ ...refusalOf(envelope), status: "fine", extra: 1 })).toEqual(["status", "extra"]);
    expect(await fieldsOf({ ...receiptOf(envelope), status: "fine" })).toEqual(["status"]);
  });

  it("as a refusal does not end a command that somebody acts by, whose receipt is the answer", async () => {
    const envelope = await pending();
    await claimedBy(envelope);
    expect(refusal(await runner.finish(refusalOf(envelope)))).toMatchObject({ status: 409, code: "permit_used" });
    // Straight to the flow, past the api, it says no more.
    const handle = temporal.client.workflow.getHandle(toActWorkflowId(PULL, envelope.jti));
    const verdict = await handle.executeUpdate(refuseUpdate, { args: [refusalOf(envelope)] });
    expect(verdict).toMatchObject({ accepted: true, state: { status: "running" } });
    expect(await statusOf(envelope)).toBe("running");
    const receipt = receiptOf(envelope);
    requireValue(await runner.finish(receipt));
    expect(await ended(envelope)).toMatchObject({ status: "error", denial: { code: "ref_moved" }, receipt });
  });

  it("as a refusal gives way to the receipt that lies in the store", async () => {
    const envelope = await pending();
    await claimedBy(envelope);
    const receipt = receiptOf(envelope);
    await registry.store.blobs.create(toReceiptKey(PULL, envelope.jti), toCanonicalBytes(receipt));
    requireValue(await runner.finish(refusalOf(envelope)));
    expect(await ended(envelope)).toMatchObject({ status: "error", receipt });
  });

  it("as a refusal ends a command whose permit another envelope has used", async () => {
    const envelope = await pending();
    await claimedBy(envelope, "c".repeat(64));
    const refused = refusalOf(envelope, key, { code: "policy_not_current" });
    requireValue(await runner.finish(refused));
    expect(await ended(envelope)).toMatchObject({ status: "denied", denial: { code: "permit_used" }, refusals: [refused] });
  });

  it("straight to the flow changes nothing unless a Runner signed it for this very envelope", async () => {
    const [envelope, other] = [await pending(), await pending()];
    const handle = temporal.client.workflow.getHandle(toActWorkflowId(PULL, envelope.jti));
    const nonsense = { hello: "world" } as unknown as Refusal;
    for (const forged of [refusalOf(envelope, newKey()), refusalOf(other), { ...refusalOf(envelope), jobId: "another" }, nonsense])
      expect(await handle.executeUpdate(refuseUpdate, { args: [forged] })).toMatchObject({
        accepted: false,
        denial: { code: "answer_invalid" },
      });
    // A receipt is none of the refusals, nor the other way round.
    for (const [update, report] of [
      [refuseUpdate, receiptOf(envelope)],
      [finishUpdate, refusalOf(envelope)],
    ] as const)
      expect(await handle.executeUpdate(update as typeof refuseUpdate, { args: [report as Refusal] })).toMatchObject({ accepted: false });
    expect(await statusOf(envelope)).toBe("running");
  });

  it("needs a key that is still registered for its target", async () => {
    const envelope = await pending();
    const db = openDatabase(registry.database_url, { maxConnections: 1 });
    try {
      expect(await revokeRunnerKey(db, PULL, "LAB_512", key.kid, Date.now())).toBe(true);
      for (const report of [refusalOf(envelope), receiptOf(envelope)])
        expect(refusal(await runner.finish(report))).toMatchObject({ status: 403, code: "forbidden" });
      const handle = temporal.client.workflow.getHandle(toActWorkflowId(PULL, envelope.jti));
      expect(await handle.executeUpdate(refuseUpdate, { args: [refusalOf(envelope)] })).toMatchObject({ accepted: false });
      await db.updateTable("runner_keys").set({ revoked_at: null }).where("tenant_id", "=", PULL).execute();
    } finally {
      await db.destroy();
    }
    requireValue(await runner.finish(refusalOf(envelope)));
    expect((await ended(envelope)).status).toBe("denied");
  });

  it("and asks for: the statements on a pending command's plan, for the Runner that may pull it and nobody else", async () => {
    const card = await openCard(author(), { jobType: "git.registry.init", params: initParams("P.stated") });
    requireValue(await state(registry, "bob", card, "approve", { tenant: PULL }));
    const { jti } = await waitForCardToLeave(author(), card.card_id, ["planning", "awaiting_approval", "approved"], ACT_MS);
    const envelope = requireValue(await runner.listPendingCommands("LAB_512", 100)).find((one) => one.jti === jti);
    if (envelope === undefined) throw new Error("the card's command does not wait to be pulled");
    const statements = (token: string, tenant = PULL) =>
      createRunnerClient({ server: registry.url, token }, tenant).listStatements(envelope.jti);

    const said = { decision: "approve", approver: "ubl:sid:person:bob", card_id: card.card_id, plan_digest: card.plan_digest };
    expect(requireValue(await statements(pull.tokens.LAB_512))).toMatchObject([{ statement: said, attestor: { sig: expect.any(String) } }]);
    for (const [who, token, tenant] of [
      ["a member", registry.actor("admin", PULL).token, PULL],
      ["a runner of another target", pull.tokens.LAB_256, PULL],
      ["a runner of another tenant", elsewhere.tokens.LAB_512, ELSEWHERE],
      ["a runner of another tenant, in this one's name", elsewhere.tokens.LAB_512, PULL],
    ] as const)
      expect(refusal(await statements(token, tenant)), who).toMatchObject({ status: 404, code: "not_found" });
    expect(refusal(await statements("ogr_nonsense"))).toMatchObject({ status: 401 });
    expect(requireValue(await runner.listStatements((await pending()).jti))).toEqual([]);

    requireValue(await runner.finish(refusalOf(envelope)));
    await ended(envelope);
    expect(refusal(await statements(pull.tokens.LAB_512))).toMatchObject({ status: 409, code: "closed" });
  });
});
