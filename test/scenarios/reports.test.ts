import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { requireValue } from "../../src/client/http/problem.js";
import { createRunnerClient, type RunnerClient } from "../../src/client/http/runner-client.js";
import { waitForCardToLeave, waitForCommandEnd } from "../../src/client/waiting.js";
import { readSigningKey } from "../../src/configuration/keys.js";
import { toActWorkflowId } from "../../src/domain/act/workflow-id.js";
import { toCanonicalBytes } from "../../src/domain/bytes/canonical.js";
import { type SigningKey, signObject, verifySignedObject } from "../../src/domain/bytes/signature.js";
import { authoritySchema } from "../../src/domain/card/authority.js";
import { hashCard } from "../../src/domain/card/card.js";
import { type CommandEnvelope, hashEnvelope } from "../../src/domain/permit/envelope.js";
import type { Receipt, Refusal } from "../../src/domain/permit/receipt.js";
import { toClaimKey, toReceiptKey } from "../../src/domain/storage-key.js";
import { openDatabase } from "../../src/lab256/database/database.js";
import { demoTenants } from "../../src/stack/founding/demo-tenants.js";
import { finishUpdate, refuseUpdate } from "../../src/workflows/messages.js";
import { createTestKey } from "../domain/samples.js";
import { buildPushJob, prepareCommand } from "../harness/acting.js";
import { revokeRunnerKey } from "../harness/identity.js";
import { buildPullTenant } from "../harness/pulling.js";
import { type ServedRegistry, startRegistryInProcess } from "../harness/registry.js";
import { openTemporalClient, type TemporalTestClient } from "../harness/temporal-client.js";
import { Clone } from "../repository/real-git.js";
import { ACT_MS, buildRegistrationParams, openScenarioCard, requireRefusal, stateCardDecision } from "./acts.js";

const PULL = "T.PULL";
const ELSEWHERE = "T.ELSEWHERE";

/** The test reports in place of a Runner, as a rogue Runner could. */
describe("a Runner's report on a pulled command", () => {
  const [demo] = demoTenants;
  const pull = buildPullTenant(PULL, demo?.actors ?? []);
  const elsewhere = buildPullTenant(ELSEWHERE, demo?.actors?.slice(0, 1) ?? []);
  const clone = new Clone();
  clone.commit("a.txt", "a\n");
  let registry: ServedRegistry;
  let temporal: TemporalTestClient;
  let key: SigningKey;
  let runner: RunnerClient;

  beforeAll(async () => {
    registry = await startRegistryInProcess({ name: "reported", tenants: [...demoTenants, pull.seed, elsewhere.seed] });
    temporal = await openTemporalClient(registry.temporal);
    key = readSigningKey(registry.founded.keys.receipt);
    runner = createRunnerClient({ server: registry.url, token: pull.tokens.LAB_512 }, PULL);
  });
  afterAll(async () => {
    await temporal?.close();
    await registry?.stop();
  });

  const actAsAuthor = () => registry.as("admin", PULL);
  let branches = 0;
  /** Issues a command and waits until it can be pulled. */
  const issuePending = async (): Promise<CommandEnvelope> => {
    branches += 1;
    const envelope = await prepareCommand(actAsAuthor(), buildPushJob(clone, "P.reported", `feature/${branches}`));
    requireValue(await actAsAuthor().issueCommand(envelope));
    // The flow's first step records the command.
    for (;;) {
      const found = requireValue(await runner.listPendingCommands("LAB_512", 100)).find(({ jti }) => jti === envelope.jti);
      if (found !== undefined) return found;
      await delay(20);
    }
  };
  const readStatus = async ({ jti }: CommandEnvelope) => requireValue(await actAsAuthor().readCommand(jti)).status;
  const waitForEnd = ({ jti }: CommandEnvelope) => waitForCommandEnd(actAsAuthor(), jti, ACT_MS);
  const buildCommonMembers = (envelope: CommandEnvelope) => ({
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
  const signRefusal = (envelope: CommandEnvelope, by: SigningKey = key, members: Partial<Refusal> = {}): Refusal =>
    signObject(
      "refusal",
      { ...buildCommonMembers(envelope), status: "denied" as const, code: "policy_not_current" as const, ...members },
      by,
    );
  const signReceipt = (envelope: CommandEnvelope, by: SigningKey = key): Receipt =>
    signObject(
      "receipt",
      {
        ...{ ...buildCommonMembers(envelope), status: "error" as const, code: "ref_moved" as const, refs: [] },
        ...{ actor_id: envelope.permit.scopes.actor_id, person_id: null, charter_version: 1, previous_act: null },
      },
      by,
    );
  const claimAs = (envelope: CommandEnvelope, envelope_digest = hashEnvelope(envelope)) => {
    const held = {
      workflow_id: "another",
      run_id: "r",
      activity_id: "a",
      attempt: 1,
      nonce: "n",
      claimed_at: Date.now(),
      charter_version: 1,
      statement_digests: [],
    };
    const claim = signObject("claim", { tenant_id: PULL, jti: envelope.jti, envelope_digest, ...held }, key);
    return registry.store.blobs.create(toClaimKey(PULL, envelope.jti), toCanonicalBytes(claim));
  };

  it("is accepted as a refusal only if it is signed by its own key for this envelope, and only once", async () => {
    const [envelope, other] = [await issuePending(), await issuePending()];
    const stranger = createTestKey();
    const forgeries: readonly (readonly [string, Refusal, object])[] = [
      ["by an unregistered key", signRefusal(envelope, stranger), { status: 403, code: "forbidden" }],
      [
        "by another key under the kid of the Runner's key",
        signRefusal(envelope, { ...stranger, kid: key.kid }),
        { status: 403, code: "forbidden" },
      ],
      ["changed after it was signed", { ...signRefusal(envelope), error: "Nothing." }, { status: 403, code: "forbidden" }],
      [
        "for another envelope with the same permit",
        signRefusal(envelope, key, { envelope_digest: "b".repeat(64) }),
        { status: 403, code: "answer_invalid" },
      ],
      [
        "for the envelope of another command",
        signRefusal(envelope, key, { envelope_digest: hashEnvelope(other) }),
        { status: 403, code: "answer_invalid" },
      ],
      ["for another job", signRefusal(envelope, key, { jobId: other.jobId }), { status: 404, code: "not_found" }],
      ["of another tenant", signRefusal(envelope, key, { tenant_id: "T.UBL" }), { status: 404, code: "not_found" }],
      ["for a command that was never issued", signRefusal(envelope, key, { jti: "5f0c2b6e-8f0e-4d5b-9a37-3f1f0e6b7a10" }), { status: 404 }],
    ];
    for (const [what, forged, why] of forgeries) expect(requireRefusal(await runner.finish(forged)), what).toMatchObject(why);
    // A receipt's signature is not valid for a refusal with the same members.
    const { kid: _, sig: __, ...unsigned } = signRefusal(envelope);
    const asReceipt = signObject("receipt", unsigned, key);
    expect(requireRefusal(await runner.finish(asReceipt))).toMatchObject({ code: "forbidden" });
    expect(await readStatus(envelope)).toBe("running");

    const genuine = signRefusal(envelope);
    requireValue(await runner.finish(genuine));
    expect(await waitForEnd(envelope)).toMatchObject({ status: "denied", denial: { code: "policy_not_current" }, refusals: [genuine] });
    for (const late of [genuine, signRefusal(envelope), signReceipt(envelope)])
      expect(requireRefusal(await runner.finish(late))).toMatchObject({ status: 409, code: "closed" });
    expect(await readStatus(other)).toBe("running");
  });

  it("is refused with the names of its bad fields", async () => {
    const envelope = await issuePending();
    const readFields = async (report: object) => {
      const answer = await runner.finish(report as Refusal);
      return answer.ok ? [] : (answer.problem.errors ?? []).map(({ field }) => field);
    };
    expect(await readFields({ ...signRefusal(envelope), code: "because" })).toEqual(["code"]);
    expect(await readFields({ ...signRefusal(envelope), status: "fine", extra: 1 })).toEqual(["status", "extra"]);
    expect(await readFields({ ...signReceipt(envelope), status: "fine" })).toEqual(["status"]);
  });

  it("does not end a claimed command if it is a refusal", async () => {
    const envelope = await issuePending();
    await claimAs(envelope);
    expect(requireRefusal(await runner.finish(signRefusal(envelope)))).toMatchObject({ status: 409, code: "permit_used" });
    // The flow also rejects it, without the api.
    const handle = temporal.client.workflow.getHandle(toActWorkflowId(PULL, envelope.jti));
    const verdict = await handle.executeUpdate(refuseUpdate, { args: [signRefusal(envelope)] });
    expect(verdict).toMatchObject({ accepted: true, state: { status: "running" } });
    expect(await readStatus(envelope)).toBe("running");
    const receipt = signReceipt(envelope);
    requireValue(await runner.finish(receipt));
    expect(await waitForEnd(envelope)).toMatchObject({ status: "error", denial: { code: "ref_moved" }, receipt });
  });

  it("is ignored as a refusal if the store has a receipt", async () => {
    const envelope = await issuePending();
    await claimAs(envelope);
    const receipt = signReceipt(envelope);
    await registry.store.blobs.create(toReceiptKey(PULL, envelope.jti), toCanonicalBytes(receipt));
    requireValue(await runner.finish(signRefusal(envelope)));
    expect(await waitForEnd(envelope)).toMatchObject({ status: "error", receipt });
  });

  it("ends a command as a refusal if another envelope has used its permit", async () => {
    const envelope = await issuePending();
    await claimAs(envelope, "c".repeat(64));
    const refused = signRefusal(envelope, key, { code: "policy_not_current" });
    requireValue(await runner.finish(refused));
    expect(await waitForEnd(envelope)).toMatchObject({ status: "denied", denial: { code: "permit_used" }, refusals: [refused] });
  });

  it("that is sent directly to the flow is rejected unless a Runner signed it for this envelope", async () => {
    const [envelope, other] = [await issuePending(), await issuePending()];
    const handle = temporal.client.workflow.getHandle(toActWorkflowId(PULL, envelope.jti));
    const nonsense = { hello: "world" } as unknown as Refusal;
    for (const forged of [
      signRefusal(envelope, createTestKey()),
      signRefusal(other),
      { ...signRefusal(envelope), jobId: "another" },
      nonsense,
    ])
      expect(await handle.executeUpdate(refuseUpdate, { args: [forged] })).toMatchObject({
        accepted: false,
        denial: { code: "answer_invalid" },
      });
    // A receipt is not accepted as a refusal, nor a refusal as a receipt.
    for (const [update, report] of [
      [refuseUpdate, signReceipt(envelope)],
      [finishUpdate, signRefusal(envelope)],
    ] as const)
      expect(await handle.executeUpdate(update as typeof refuseUpdate, { args: [report as Refusal] })).toMatchObject({ accepted: false });
    expect(await readStatus(envelope)).toBe("running");
  });

  it("needs a key that is still registered for its target", async () => {
    const envelope = await issuePending();
    const db = openDatabase(registry.databaseUrl, { maxConnections: 1 });
    try {
      expect(await revokeRunnerKey(db, PULL, "LAB_512", key.kid, Date.now())).toBe(true);
      for (const report of [signRefusal(envelope), signReceipt(envelope)])
        expect(requireRefusal(await runner.finish(report))).toMatchObject({ status: 403, code: "forbidden" });
      const handle = temporal.client.workflow.getHandle(toActWorkflowId(PULL, envelope.jti));
      expect(await handle.executeUpdate(refuseUpdate, { args: [signRefusal(envelope)] })).toMatchObject({ accepted: false });
      await db.updateTable("runner_keys").set({ revoked_at: null }).where("tenant_id", "=", PULL).execute();
    } finally {
      await db.destroy();
    }
    requireValue(await runner.finish(signRefusal(envelope)));
    expect((await waitForEnd(envelope)).status).toBe("denied");
  });

  it("can rest on the card and the approvals of its plan, which only the Runner that may pull the command can read", async () => {
    const card = await openScenarioCard(actAsAuthor(), { jobType: "git.registry.init", params: buildRegistrationParams("P.stated") });
    requireValue(await stateCardDecision(registry, "bob", card, "approve", { tenant: PULL }));
    const { jti } = await waitForCardToLeave(actAsAuthor(), card.card_id, ["planning", "awaiting_approval", "approved"], ACT_MS);
    const envelope = requireValue(await runner.listPendingCommands("LAB_512", 100)).find((one) => one.jti === jti);
    if (envelope === undefined) throw new Error("the card's command is not pending");
    const readAuthority = (token: string, tenant = PULL) =>
      createRunnerClient({ server: registry.url, token }, tenant).readAuthority(envelope.jti);

    const authority = authoritySchema.parse(requireValue(await readAuthority(pull.tokens.LAB_512)));
    const apiKeys = { keys: [readSigningKey(registry.founded.keys.statement).jwk] };
    expect(authority.card).toMatchObject({ card_id: card.card_id, tenant_id: PULL, jobType: "git.registry.init" });
    expect(verifySignedObject("card", authority.card, apiKeys)).toBe("valid");
    const { plan_digest } = card;
    const said = { decision: "approve", approver: "ubl:sid:person:bob", card_id: card.card_id, round: 1, plan_digest };
    expect(authority.statements).toMatchObject([{ statement: { ...said, card_digest: hashCard(authority.card) } }]);
    for (const { statement, attestor } of authority.statements)
      expect(verifySignedObject("statement", { ...statement, ...attestor }, apiKeys)).toBe("valid");
    expect(authority.attestations).toEqual([]);
    for (const [who, token, tenant] of [
      ["a member", registry.getActor("admin", PULL).token, PULL],
      ["a runner of another target", pull.tokens.LAB_256, PULL],
      ["a runner of another tenant", elsewhere.tokens.LAB_512, ELSEWHERE],
      ["a runner of another tenant, in this one's name", elsewhere.tokens.LAB_512, PULL],
    ] as const)
      expect(requireRefusal(await readAuthority(token, tenant)), who).toMatchObject({ status: 404, code: "not_found" });
    expect(requireRefusal(await readAuthority("ogr_nonsense"))).toMatchObject({ status: 401 });
    expect(requireValue(await runner.readAuthority((await issuePending()).jti))).toBeNull();

    requireValue(await runner.finish(signRefusal(envelope)));
    await waitForEnd(envelope);
    expect(requireRefusal(await readAuthority(pull.tokens.LAB_512))).toMatchObject({ status: 409, code: "closed" });
  });
});
