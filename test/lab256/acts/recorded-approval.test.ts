import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { temporal as proto } from "@temporalio/proto";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { createLab256Activities } from "../../../src/activities/lab256.js";
import { submitDecision } from "../../../src/client/deciding.js";
import { requireValue } from "../../../src/client/http/problem.js";
import { waitForCardEnd } from "../../../src/client/waiting.js";
import { readJwks, readOperator, readSigningKey } from "../../../src/configuration/keys.js";
import { Charters } from "../../../src/decision/charter/charters.js";
import { PolicyCatalog } from "../../../src/decision/policy/policy-catalog.js";
import { hashPlan, type Plan } from "../../../src/domain/act/plan.js";
import { type Card, hashCard } from "../../../src/domain/card/card.js";
import type { Approval } from "../../../src/domain/card/requirement.js";
import type { SignedStatement, StatementDecision } from "../../../src/domain/card/statement.js";
import type { CharterActor } from "../../../src/domain/charter/records.js";
import type { Outcome } from "../../../src/domain/denial.js";
import type { AdmittedStatement, IssuePermitInput, Lab256Activities } from "../../../src/domain/flow/lab256-steps.js";
import { noInfra } from "../../../src/infra/source/open.js";
import { type DbPool, openDatabase } from "../../../src/lab256/database/database.js";
import { attestStatement, createNonce } from "../../../src/lab256/identity/passkeys/statements.js";
import { appendCharterEntry } from "../../../src/stack/founding/charter.js";
import { limitToCreates } from "../../../src/storage/scoped.js";
import type { FlowState } from "../../../src/workflows/messages.js";
import { buildRegistrationJob, OFFICE, openCard, PATIENCE_MS, stateDecision } from "../../harness/acting.js";
import { type ServedRegistry, startRegistryInProcess } from "../../harness/registry.js";
import { openTemporalClient, type TemporalTestClient } from "../../harness/temporal-client.js";
import { throwFault } from "../../harness/throw-fault.js";
import { describeCardMessages } from "./card-messages.js";

// A compromised worker can tell a flow that a card has all its approvals. The step that signs the permit checks the ledger.

const TENANT = "T.UBL";

let registry: ServedRegistry;
let temporal: TemporalTestClient;
let db: DbPool;
let lab256: Lab256Activities;
let charters: Charters;

beforeAll(async () => {
  registry = await startRegistryInProcess({ name: "recorded-approval" });
  temporal = await openTemporalClient(registry.temporal);
  db = openDatabase(registry.databaseUrl, { maxConnections: 2 });
  const { keys } = registry.founded;
  const store = limitToCreates(registry.store, ["staging", "ends"]);
  charters = new Charters(store, readOperator(keys.operatorLab256));
  lab256 = createLab256Activities({
    ...{ db, store, now: Date.now },
    infra: noInfra,
    policies: new PolicyCatalog(charters, Date.now),
    permitKey: readSigningKey(keys.permit),
    receiptKeys: readJwks(keys.receiptJwks),
    statementKeys: { keys: [readSigningKey(keys.statement).jwk] },
    reportFault: throwFault,
    isFlowOpen: async () => true,
  });
});

afterAll(async () => {
  await db?.destroy();
  await temporal?.close();
  await registry?.stop();
});

/** Builds the request of a deceived flow: the card's genuine plan with no approval missing. */
async function buildUnapprovedInput(projectId: string): Promise<IssuePermitInput & { card: Card }> {
  const opened = await openCard(registry.as("admin"), buildRegistrationJob(projectId));
  const handle = temporal.client.workflow.getHandle(opened.workflow_id);
  const input = (await handle.fetchHistory()).events?.[0]?.workflowExecutionStartedEventAttributes?.input?.payloads?.[0]?.data;
  const { card } = JSON.parse(Buffer.from(input ?? []).toString("utf8")) as { card: Card };
  const { plan, plan_digest } = await handle.query<FlowState>("state");
  if (plan === null || plan_digest === null) throw new Error("The card has no plan.");
  return {
    card: { ...card, run: card.run },
    planned: { plan, plan_digest },
    workflow_id: opened.workflow_id,
    approved_at: Date.now() + 3_600_000,
  };
}

/** Changes an actor of the charter. The founding key signs. */
async function changeActor(actorId: string, change: Partial<CharterActor>): Promise<void> {
  const charter = await charters.readNewest(TENANT);
  const actor = charter.ok ? charter.value.find("actor", actorId) : undefined;
  if (actor === undefined) throw new Error(`${actorId} is not in the charter.`);
  const key = readSigningKey(join(registry.dataDir, "keys", "founding", `${TENANT}.pem`));
  const params = { persons: {}, actors: { [actorId]: { ...actor, ...change } } };
  await appendCharterEntry(registry.store, TENANT, key, { jobType: "registry.members.change", params });
}

/** A statement as the api attests it for an approver that it authenticated. */
function attestDecision(
  { card, planned }: Pick<IssuePermitInput, "card" | "planned">,
  approver: string,
  decision: StatementDecision,
): SignedStatement {
  const { tenant_id, card_id } = card;
  const about = { tenant_id, card_id, card_digest: hashCard(card), round: 1, plan_digest: planned.plan_digest, office_id: OFFICE };
  const statement = { ...about, decision, approver, nonce: createNonce(), not_after: Date.now() + 120_000 };
  return attestStatement(statement, readSigningKey(registry.founded.keys.statement));
}

// A rogue workflow worker answers `decidePlan` for LAB 256 and says that the act is L1 and needs one approval, whose ever.
describe("a statement for a card whose flow was told a lower level", () => {
  it("does not count if its author may not approve at the level that the plan has", async () => {
    const input = await buildUnapprovedInput("P.lowered");
    const decided = { level: "L1", reasons: [], requires: [{ kind: "approvals", count: 1, roles: {}, step_up: false }], missing: [] };
    const own = attestDecision(input, "ubl:sid:person:admin", "approve");
    const forged = { ...input, decided, signed: own, approvals: [], attestations: [], at_ms: Date.now() };
    expect(await lab256.admitStatement(forged)).toMatchObject({ ok: false, denial: { code: "statement_not_counted" } });
    expect(await lab256.issuePermit(input)).toMatchObject({ ok: false, denial: { code: "approval_missing" } });
  });

  it("does not count for a plan that the ledger does not have, or after the time to decide", async () => {
    const input = await buildUnapprovedInput("P.other-plan");
    const signed = attestDecision(input, "ubl:sid:person:bob", "approve");
    const admit = (changes: object) =>
      lab256.admitStatement({ ...input, signed, approvals: [], attestations: [], at_ms: Date.now(), ...changes });
    const { plan: genuine } = input.planned;
    const plan: Plan = { ...genuine, basis: { ...genuine.basis, policy_hash: "a".repeat(64) } };
    expect(await admit({ planned: { plan, plan_digest: hashPlan(plan) } })).toMatchObject({ ok: false, denial: { code: "plan_changed" } });
    const late = Date.now() + 30 * 24 * 3_600_000;
    expect(await admit({ at_ms: late })).toMatchObject({ ok: false, denial: { code: "decide_by_passed" } });
  });
});

function requireGranted<T>(outcome: Outcome<T>): T {
  if (!outcome.ok) throw new Error(outcome.denial.message);
  return outcome.value;
}
const listDigests = ({ approvals }: AdmittedStatement) => approvals.map(({ statement_digest }) => statement_digest);

// A thief recorded the approval on its way, and sends it again after its approver has withdrawn it.
describe("a statement that is sent again", () => {
  it("changes nothing: an approval that was withdrawn stays so, and an old withdrawal ends no later approval", async () => {
    const input = await buildUnapprovedInput("P.replayed");
    const admit = (signed: SignedStatement, approvals: readonly Approval[] = []) =>
      lab256.admitStatement({ ...input, signed, approvals, attestations: [], at_ms: Date.now() });
    const approve = attestDecision(input, "ubl:sid:person:carol", "approve");
    const withdraw = attestDecision(input, "ubl:sid:person:carol", "withdraw");
    const approved = requireGranted(await admit(approve));
    expect(listDigests(requireGranted(await admit(approve)))).toEqual(listDigests(approved));
    expect(requireGranted(await admit(withdraw, approved.approvals)).approvals).toEqual([]);
    expect(await admit(approve)).toMatchObject({ ok: false, denial: { code: "statement_not_counted" } });
    const anew = requireGranted(await admit(attestDecision(input, "ubl:sid:person:carol", "approve")));
    expect(anew.approvals).toHaveLength(1);
    expect(listDigests(requireGranted(await admit(withdraw, anew.approvals)))).toEqual(listDigests(anew));
  });
});

// The token of an app leaks; it speaks for the person who is responsible for the app as little as possible.
describe("a withdrawal by an app", () => {
  it("ends no approval of the responsible person and does not withdraw a card of that person", async () => {
    const input = await buildUnapprovedInput("P.withdrawn");
    const about = { statement_digest: "a".repeat(64), plan_digest: input.planned.plan_digest, at_ms: Date.now() };
    const who = { actor_id: "ubl:sid:person:admin", person_id: "person:ana", office_id: OFFICE, roles: [], step_up: false };
    const approvals = [{ ...about, ...who }];
    const signed = attestDecision(input, "ubl:sid:app:ci", "withdraw");
    expect(await lab256.admitStatement({ ...input, signed, approvals, attestations: [], at_ms: Date.now() })).toMatchObject({
      ok: true,
      value: { by_author: false, approvals },
    });
  });
});

// Somebody resets the flow of a card that was rejected, in Temporal's UI, and finds another approver.
describe("a card that was rejected", () => {
  it("stays rejected after its flow is reset to its first task", async () => {
    const input = await buildUnapprovedInput("P.rejected");
    const { card_id } = input.card;
    await stateDecision(registry, "bob", "reject", { card_id });
    const ended = await waitForCardEnd(registry.as("admin"), card_id, PATIENCE_MS);
    expect(ended.status).toBe("rejected");
    const { client } = temporal;
    const { events } = await client.workflow.getHandle(input.workflow_id).fetchHistory();
    const first = events?.find(({ workflowTaskCompletedEventAttributes }) => workflowTaskCompletedEventAttributes)?.eventId;
    const { runId } = await client.workflowService.resetWorkflowExecution({
      namespace: registry.temporal.namespace,
      workflowExecution: { workflowId: input.workflow_id },
      reason: "Another try.",
      // Without the rejection, which Temporal would otherwise deliver again.
      resetReapplyType: proto.api.enums.v1.ResetReapplyType.RESET_REAPPLY_TYPE_NONE,
      requestId: randomUUID(),
      ...(first === undefined || first === null ? {} : { workflowTaskFinishEventId: first }),
    });
    const again = client.workflow.getHandle(input.workflow_id, runId);
    const sent = submitDecision(registry.as("carol"), registry.openPasskeys("carol"), { card_id, decision: "approve", office_id: OFFICE });
    expect(await sent).toMatchObject({ ok: false });
    await vi.waitFor(async () => expect((await again.query<FlowState>("state")).status).toBe("awaiting_approval"), PATIENCE_MS);
    const approval = { ...input, signed: attestDecision(input, "ubl:sid:person:carol", "approve"), approvals: [], attestations: [] };
    expect(await lab256.admitStatement({ ...approval, at_ms: Date.now() })).toMatchObject({ ok: false, denial: { code: "closed" } });
    expect(await again.executeUpdate("decide", { args: [approval.signed] })).toMatchObject({ accepted: false, denial: { code: "closed" } });
    expect(await lab256.issuePermit(input)).toMatchObject({ ok: false });
    await again.terminate("The test is over.");
    expect(requireValue(await registry.as("admin").readCard(card_id))).toMatchObject({ status: "rejected", jti: null });
  });
});

// The flow of a card is told, or claims, that the plan changes again and again.
describe("the plans of a card", () => {
  it("are at most 50, after which the card ends with the next step", async () => {
    const { card, planned } = await buildUnapprovedInput("P.rounds");
    expect(await lab256.decidePlan({ card, round: 50, planned })).toMatchObject({ ok: true });
    expect(await lab256.decidePlan({ card, round: 51, planned })).toMatchObject({
      ok: false,
      denial: { code: "limit_exceeded", message: "The plan of the card has changed 50 times. Open a new card." },
    });
  });
});

// Before the tests that take power from its approvers.
describeCardMessages(
  () => registry,
  () => temporal,
);

// A ref moves after the approval. The flow is not told, or a compromised worker goes on all the same.
describe("an approval that the ledger has voided", () => {
  it("gives no permit and is not recorded again, whatever the flow says, until a new round is approved", async () => {
    const input = await buildUnapprovedInput("P.voided");
    const { card, planned } = input;
    const signed = attestDecision(input, "ubl:sid:person:bob", "approve");
    const admit = (one: SignedStatement) =>
      lab256.admitStatement({ ...input, signed: one, approvals: [], attestations: [], at_ms: Date.now() });
    expect(await admit(signed)).toMatchObject({ ok: true, value: { missing: [] } });
    await lab256.voidApprovals({ card, round: 1, why: "The ref moved." });
    const outdated = {
      ok: false,
      denial: { code: "plan_changed", message: expect.stringContaining("The ref moved. The card gets a new plan") },
    };
    expect(await lab256.issuePermit(input)).toMatchObject(outdated);
    expect(await lab256.checkPlan({ card, planned })).toMatchObject(outdated);
    for (const late of [signed, attestDecision(input, "ubl:sid:person:carol", "approve")])
      expect(await admit(late)).toMatchObject(outdated);
    // The next round has the same plan.
    expect(await lab256.decidePlan({ card, round: 2, planned })).toMatchObject({ ok: true });
    expect(await lab256.issuePermit(input)).toMatchObject({ ok: false, denial: { code: "approval_missing" } });
    expect(await admit(signed)).toMatchObject({ ok: false, denial: { code: "statement_invalid" } });
  });
});

describe("a permit for a card", () => {
  it("is not signed for an unapproved plan even if the flow claims its approval", async () => {
    expect(await lab256.issuePermit(await buildUnapprovedInput("P.unapproved"))).toMatchObject({
      ok: false,
      denial: { code: "approval_missing" },
    });
  });

  it("is not signed for a card that was changed after the api signed it", async () => {
    const input = await buildUnapprovedInput("P.changed");
    const card = { ...input.card, author: { actor_id: "ubl:sid:person:carol", person_id: "person:carol" } };
    expect(await lab256.issuePermit({ ...input, card })).toMatchObject({ ok: false, denial: { code: "envelope_invalid" } });
  });

  it("is signed once the ledger has the approval, at the policy's level and with the current date", async () => {
    const input = await buildUnapprovedInput("P.approved");
    await stateDecision(registry, "bob", "approve", { card_id: input.card.card_id });
    const issued = await lab256.issuePermit(input);
    if (!issued.ok) throw new Error(issued.denial.message);
    const { permit } = issued.value.envelope;
    expect(permit.scopes).toMatchObject({ level: "L3", office_id: OFFICE });
    expect(permit.iat).toBeLessThanOrEqual(Date.now());
  });

  // The approver is disabled, and then loses the office, after the approval and before the permit.
  it.each([
    ["disabled", { disabled: true }],
    ["without the office", { offices: [] }],
  ] satisfies [string, Partial<CharterActor>][])(
    "is not signed for the recorded approval of a person who is now %s",
    async (how, change) => {
      const input = await buildUnapprovedInput(`P.${how.replaceAll(" ", "-")}`);
      const approver = how === "disabled" ? "ubl:sid:person:bob" : "ubl:sid:person:carol";
      const signed = attestDecision(input, approver, "approve");
      const admitted = await lab256.admitStatement({ ...input, signed, approvals: [], attestations: [], at_ms: Date.now() });
      expect(admitted).toMatchObject({ ok: true, value: { missing: [] } });
      await changeActor(approver, change);
      expect(await lab256.issuePermit(input)).toMatchObject({
        ok: false,
        denial: { code: "approval_missing", message: expect.stringContaining(approver) },
      });
    },
  );
});
