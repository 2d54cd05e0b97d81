import { afterAll, beforeAll, expect, it, vi } from "vitest";
import type { CardAnswer } from "../../src/client/answers.js";
import { requireValue } from "../../src/client/http/problem.js";
import { waitForCardEnd } from "../../src/client/waiting.js";
import { readSigningKey } from "../../src/configuration/keys.js";
import { hashBlake3Hex } from "../../src/domain/bytes/hash.js";
import { toPolicyBytesKey } from "../../src/domain/storage-key.js";
import { openDatabase } from "../../src/lab256/database/database.js";
import { attestStatement } from "../../src/lab256/identity/passkeys/statements.js";
import { verifyProjections } from "../../src/lab256/ledger/verify-projections.js";
import { DEMO_TENANT } from "../../src/stack/founding/demo-tenants.js";
import type { FlowState } from "../../src/workflows/messages.js";
import { changeMembers, signChange } from "../harness/charter.js";
import { type ServedRegistry, startRegistryInProcess } from "../harness/registry.js";
import { openTemporalClient, type TemporalTestClient } from "../harness/temporal-client.js";
import { Clone } from "../repository/real-git.js";
import {
  ACT_MS,
  approveAsEach,
  buildPush,
  buildRegistrationParams,
  openPushCard,
  openScenarioCard,
  pushOrThrow,
  registerByCard,
  requireRefusal,
  stateCardDecision,
} from "./acts.js";
import { buildScenarioPolicy } from "./policies.js";
import { findRef, readLedger } from "./stored-state.js";
import { buildScenarioTenants, QUORUM_OFFICE } from "./tenants.js";

const PROJECT = "P.outdated";
const BRANCH = "feature/outdated";
const REF = `refs/heads/${BRANCH}`;

let registry: ServedRegistry;
let temporal: TemporalTestClient;
let clone: Clone;
let base: string;

beforeAll(async () => {
  registry = await startRegistryInProcess({
    name: "outdated-plans",
    policy: await buildScenarioPolicy(),
    tenants: buildScenarioTenants(),
  });
  temporal = await openTemporalClient(registry.temporal);
  clone = new Clone();
  base = clone.commit("a.txt", "a\n");
  await registerByCard(registry, PROJECT);
  await pushOrThrow(registry.as("admin"), buildPush(PROJECT, BRANCH, null, clone.bundle("main")));
});
afterAll(async () => {
  await temporal?.close();
  await registry?.stop();
});

const commitAhead = (name: string) => {
  clone.git("checkout", "-q", "-B", name, base);
  const commit = clone.commit(`${name}.txt`, `${name}\n`);
  return { commit, bundle: clone.bundle(name, [base]) };
};
const readCard = async ({ card_id }: Pick<CardAnswer, "card_id">) => requireValue(await registry.as("admin").readCard(card_id));

/** Opens a card for a push to the branch that needs two approvals. */
const openWaitingPush = (name: string) =>
  openPushCard(registry.as("admin"), buildPush(PROJECT, BRANCH, base, commitAhead(name).bundle), { risk: "L3", office_id: QUORUM_OFFICE });
const approve = async (who: string, card: CardAnswer) => requireValue(await stateCardDecision(registry, who, card));

/** Moves the branch away from the commit on which the cards rest. */
const moveAway = async () => {
  const away = commitAhead("away");
  const { permit } = await pushOrThrow(registry.as("admin"), buildPush(PROJECT, BRANCH, base, away.bundle));
  return { away: away.commit, jti: permit.jti };
};
const moveBack = (away: string) =>
  pushOrThrow(registry.as("admin"), buildPush(PROJECT, BRANCH, away, clone.bundle("main"), { force: true }));

/** Lists the entries that void approvals of this card. */
const listVoided = async ({ card_id }: CardAnswer) =>
  (await readLedger(registry)).flatMap((entry) =>
    entry.type === "card.approvals_voided" && entry.payload.card_id === card_id ? [entry] : [],
  );

/** Counts what Temporal has recorded of a card's flow. */
async function readHistory({ workflow_id }: CardAnswer) {
  const { events = [] } = await temporal.client.workflow.getHandle(workflow_id).fetchHistory();
  const signals = events?.flatMap((event) => event.workflowExecutionSignaledEventAttributes?.signalName ?? []) ?? [];
  const plans = events?.filter((event) => event.activityTaskScheduledEventAttributes?.activityType?.name === "planAct") ?? [];
  return { length: events?.length ?? 0, signals, plans: plans.length };
}

it("approvals of a plan are void in the entry after the receipt that moved its ref, its flow is told, and nobody has planned anew", async () => {
  const [approved, bare] = [await openWaitingPush("one"), await openWaitingPush("bare")];
  const elsewhere = await openPushCard(registry.as("admin"), buildPush(PROJECT, "feature/elsewhere", null, commitAhead("two").bundle), {
    ...{ risk: "L3", office_id: QUORUM_OFFICE },
  });
  for (const card of [approved, elsewhere]) await approve("bob", card);
  const before = await readHistory(bare);
  const { away, jti } = await moveAway();
  const [voided, ...more] = await listVoided(approved);
  expect(more).toEqual([]);
  expect(voided?.payload).toMatchObject({
    ...{ round: 1, plan_digest: approved.plan_digest, approvals: [{ actor_id: "ubl:sid:person:bob" }] },
    why: `${REF} of ${PROJECT} moved from ${base} to ${away} by the act ${jti}.`,
  });
  const receipt = (await readLedger(registry)).find((entry) => entry.type === "receipt.recorded" && entry.payload.receipt.jti === jti);
  // The receipt's own events lie between them, and all have the time of one transaction.
  expect([voided?.seq, voided?.at_ms]).toEqual([(receipt?.seq ?? 0) + 2, receipt?.at_ms]);
  expect([await listVoided(bare), await listVoided(elsewhere)]).toEqual([[], []]);

  await vi.waitFor(async () => expect((await readHistory(approved)).signals).toEqual(["approvals_voided"]), ACT_MS);
  const state = () => temporal.client.workflow.getHandle(approved.workflow_id).query<FlowState>("state");
  await vi.waitFor(async () => expect(await state()).toMatchObject({ round: 1, approvals: [], status: "awaiting_approval" }), ACT_MS);
  expect((await readHistory(approved)).plans).toBe(1);
  expect(await readHistory(bare)).toEqual(before);

  const shown = await readCard(approved);
  expect(shown).toMatchObject({ status: "awaiting_approval", void_why: voided?.payload.why, missing: [{ text: "2 more approvals" }] });
  expect(shown.statements).toMatchObject([{ approver: "ubl:sid:person:bob", void_why: voided?.payload.why }]);
  // The read was a look, after which the plan can no longer be made.
  const closed = await waitForCardEnd(registry.as("admin"), approved.card_id, ACT_MS);
  expect(closed).toMatchObject({ status: "denied", denial: { code: "ref_moved" }, jti: null });
  expect(await approveAsEach(registry, elsewhere, ["carol"])).toMatchObject({ status: "success", round: 1 });
  expect(await waitForCardEnd(registry.as("admin"), bare.card_id, ACT_MS)).toMatchObject({ denial: { code: "ref_moved" } });
  await moveBack(away);
});

// Mallory opens cards through an office that only approves, to keep the Runner busy and to learn whether a project or a commit exists.
it("a card through an office that may not do the act is denied before a Runner plans it", async () => {
  const push = (project: string) => buildPush(project, BRANCH, base, commitAhead("unasked").bundle);
  for (const project of [PROJECT, "P.guessed"]) {
    const card = await openPushCard(registry.as("carol"), push(project), { risk: "L3", office_id: "office:security" });
    expect(card).toMatchObject({ status: "denied", denial: { code: "policy_denied" }, plan: null, round: 0 });
    expect(card.reasons.map(({ rule }) => rule)).toEqual(["office.action"]);
    expect(await readHistory(card)).toMatchObject({ plans: 0 });
  }
});

// Mallory waits until somebody has approved a plan, moves the branch, and forces it back, so that the plan has the same digest again.
it("the same approvals after a forced push back count no more, neither for LAB 256 nor as a statement sent again", async () => {
  const card = await openWaitingPush("again");
  const { statement } = requireValue(await registry.as("bob").prepareStatement(card.card_id, "approve", "office::default"));
  requireValue(await registry.as("bob").submitStatement(statement));
  const { away } = await moveAway();
  await moveBack(away);
  expect(await findRef(registry, PROJECT, REF)).toBe(base);
  expect(await listVoided(card)).toHaveLength(1);

  // The first who decides gets a new round with the same plan.
  await approve("carol", card);
  const again = await readCard(card);
  expect(again).toMatchObject({ round: 2, plan_digest: card.plan_digest, void_why: null, missing: [{ text: "1 more approval" }] });
  // Whoever reaches Temporal sends the statement to the flow itself, attested as the api had attested it.
  const signed = attestStatement(statement, readSigningKey(registry.founded.keys.statement));
  const sent = temporal.client.workflow.getHandle(card.workflow_id).executeUpdate("decide", { args: [signed] });
  expect(await sent).toMatchObject({
    accepted: false,
    denial: { code: "statement_invalid", message: "The statement is for round 1 of the card, which is in round 2; decide again." },
  });
  expect(await readCard(card)).toMatchObject({ status: "awaiting_approval", missing: [{ text: "1 more approval" }], jti: null });

  const closed = await approveAsEach(registry, card, ["bob"]);
  expect(closed).toMatchObject({ status: "success", round: 2 });
  const counted = (await readLedger(registry)).filter((entry) => entry.type === "card.approved" && entry.payload.card_id === card.card_id);
  expect(counted).toHaveLength(3);
  await moveBack((await findRef(registry, PROJECT, REF)) ?? "");
});

it("an approval of the old plan names the next step, before and after the new plan is made", async () => {
  const card = await openWaitingPush("late");
  const prepare = async () =>
    requireValue(await registry.as("carol").prepareStatement(card.card_id, "approve", "office::default")).statement;
  const [first, second] = [await prepare(), await prepare()];
  await approve("bob", card);
  const { away } = await moveAway();
  await moveBack(away);
  const early = requireRefusal(await registry.as("carol").submitStatement(first));
  expect(early).toMatchObject({ status: 409, code: "plan_changed" });
  expect(early.detail).toMatch(/moved from .* The card gets a new plan; read it and decide again/);
  await vi.waitFor(async () => expect((await readCard(card)).round).toBe(2), ACT_MS);
  const late = requireRefusal(await registry.as("carol").submitStatement(second));
  expect(late).toMatchObject({ code: "statement_invalid", detail: expect.stringContaining("decide again") });
  // Who no longer wants the card needs no new plan.
  requireValue(await stateCardDecision(registry, "admin", card, "withdraw"));
});

it("of an approval and a move at the same time, the approval either came first and is void, or is refused", async () => {
  const card = await openWaitingPush("race");
  const [approved, { away }] = await Promise.all([stateCardDecision(registry, "bob", card), moveAway()]);
  const entries = await readLedger(registry);
  const standing = entries.filter((entry) => entry.type === "card.approved" && entry.payload.card_id === card.card_id);
  const voided = await listVoided(card);
  expect(voided).toHaveLength(standing.length);
  expect(approved.ok || standing.length === 0).toBe(true);
  await moveBack(away);
});

it("many readers of a card whose plan has changed cause one new plan, and a stranger's request none", async () => {
  const card = await openWaitingPush("read");
  await approve("bob", card);
  const { away } = await moveAway();
  await moveBack(away);
  const stranger = registry.as("admin", "T.STRICT");
  expect(requireRefusal(await stranger.readCard(card.card_id))).toMatchObject({ status: 404 });
  expect((await readHistory(card)).signals).not.toContain("look");
  await Promise.all(Array.from({ length: 30 }, () => readCard(card)));
  await vi.waitFor(async () => expect((await readCard(card)).round).toBe(2), ACT_MS);
  await Promise.all(Array.from({ length: 30 }, () => readCard(card)));
  const history = await readHistory(card);
  expect(history.signals.filter((name) => name === "look")).toEqual(["look"]);
  expect(history.plans).toBe(2);
  expect(await readCard(card)).toMatchObject({ round: 2, void_why: null, missing: [{ text: "2 more approvals" }] });
});

it("a published policy voids the approvals of its tenant in the transaction that records the charter's entry", async () => {
  const register = (project_id: string) =>
    openScenarioCard(registry.as("admin"), {
      ...{ jobType: "git.registry.init", params: buildRegistrationParams(project_id), office_id: QUORUM_OFFICE },
    });
  const [card, bare] = [await register("P.republished"), await register("P.republished-bare")];
  await approve("bob", card);
  const before = await readHistory(bare);
  const policy = await buildScenarioPolicy((data) => ({
    ...data,
    levels: { ...data.levels, L3: { ...data.levels.L3, max_run_ms: 500_000 } },
  }));
  const policy_hash = hashBlake3Hex(policy);
  await registry.store.blobs.create(toPolicyBytesKey(DEMO_TENANT, policy_hash), policy);
  const entry = await signChange(registry, DEMO_TENANT, () => ({ jobType: "registry.policy.publish", params: { policy_hash } }));
  if (entry === undefined) throw new Error("Nothing was signed.");
  requireValue(await registry.as("admin").appendCharterEntry(entry));
  const published = (await readLedger(registry)).find(({ type, key }) => type === "policy.published" && key === `charter/${entry.version}`);
  const [voided] = await listVoided(card);
  expect([voided?.seq, voided?.at_ms]).toEqual([(published?.seq ?? 0) + 1, published?.at_ms]);
  expect(voided?.payload.why).toBe(`The policy ${policy_hash} was published in version ${entry.version} of the charter.`);
  expect(await readHistory(bare)).toEqual(before);
  // An entry that changes no policy and no record of a waiting change voids nothing.
  await approve("carol", card);
  const again = await readCard(card);
  expect(again).toMatchObject({ round: 2, plan: { basis: { policy_hash } }, missing: [{ text: "1 more approval" }] });
  await changeMembers(registry, DEMO_TENANT, (state) => {
    const person = state.find("person", "person:dave");
    return person === undefined ? undefined : { persons: { "person:dave": { ...person, name: "Dave 2" } } };
  });
  expect(await approveAsEach(registry, card, ["bob"])).toMatchObject({ status: "success", round: 2 });
});

it("the projections of all this are those of the ledger", async () => {
  const db = openDatabase(registry.databaseUrl, { maxConnections: 1 });
  try {
    expect(await verifyProjections(db, DEMO_TENANT)).toMatchObject({ ok: true });
  } finally {
    await db.destroy();
  }
});
