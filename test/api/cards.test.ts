import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readSigningKey } from "../../src/configuration/keys.js";
import { hashSubject } from "../../src/domain/act/job.js";
import { hashPlan, type Plan } from "../../src/domain/act/plan.js";
import { toCardWorkflowId } from "../../src/domain/act/workflow-id.js";
import type { Card } from "../../src/domain/card/card.js";
import { computeStatementChallenge, type Statement } from "../../src/domain/card/statement.js";
import type { Passkey } from "../../src/domain/charter/records.js";
import type { NewEvent } from "../../src/domain/ledger/event.js";
import type { Level } from "../../src/domain/level.js";
import type { Requirement } from "../../src/domain/policy/policy-contract.js";
import { appendEvents } from "../../src/lab256/ledger/append.js";
import { findCard, STATEMENTS_MAX } from "../../src/lab256/ledger/queries/cards.js";
import { createPasskey } from "../../src/passkey/client.js";
import { appendCharterEntry } from "../../src/stack/founding/charter.js";
import { openStore } from "../../src/storage/open.js";
import { requireOutcome } from "../harness/outcomes.js";
import { buildCardRequest, buildInitParams, buildPushParams, OFFICE } from "./acts.js";
import { ADMIN, BOB, OLGA, type RunningApi, startApi, TENANT } from "./running-api.js";

let api: RunningApi;
/** A plan by another policy would have to be made again before anybody could decide about it. */
let policy_hash: string;
beforeAll(async () => {
  api = await startApi("api-cards");
  policy_hash = requireOutcome(await api.deps.charters.readNewest(TENANT)).policy_hash;
});
afterAll(() => api.stop());

const append = (events: NewEvent[]) => appendEvents(api.deps.db, TENANT, events, Date.now());

async function recordOpenedCard(cardId: string, projectId = "P.demo"): Promise<Card> {
  const params = buildInitParams({ project_id: projectId });
  const card: Card = {
    ...{
      tenant_id: TENANT,
      card_id: cardId,
      office_id: OFFICE,
      intent: "Register.",
      context: {},
      jobType: "git.registry.init",
      target: "LAB_512",
    },
    ...{ params, jobId: `job-${cardId}`, run: "on_approval", author: { actor_id: ADMIN, person_id: "person:ana" }, opened_at: Date.now() },
    ...{ kid: "a-key", sig: "a-signature" },
  };
  const payload = {
    card,
    project_id: projectId,
    subject_hash: hashSubject(params),
    workflow_id: toCardWorkflowId(TENANT, cardId),
  };
  await append([{ type: "card.opened", key: `card.opened/${cardId}`, payload }]);
  return card;
}

async function recordPlannedCard(cardId: string, level: Level = "L3", step_up = false): Promise<string> {
  const card = await recordOpenedCard(cardId);
  const basis = {
    ...{ tenant_id: TENANT, project_id: "P.demo", job_type: "git.registry.init" as const, target: "LAB_512" as const },
    ...{ params: card.params as Plan["basis"]["params"], refs: [], creates: [], policy_hash, infra: "none" as const },
  };
  const plan: Plan = {
    basis,
    fast_forward: null,
    commit_count: 0,
    commits: [],
    author_emails: [],
    pushed_before: [],
    changed_paths: [],
    diffstat: { files: 0, insertions: 0, deletions: 0 },
  };
  const plan_digest = hashPlan(plan);
  const requires: Requirement[] = [{ kind: "approvals", count: 1, roles: {}, step_up, excludes: [] }];
  const clocks = { decide_by: Date.now() + 3_600_000, permit_ttl_ms: 300_000 };
  await append([
    {
      type: "card.planned",
      key: `card.planned/${cardId}/1`,
      payload: { card_id: cardId, round: 1, plan, plan_digest, level, reasons: [], requires, missing: [], ...clocks },
    },
  ]);
  return plan_digest;
}

const prepare = (cardId: string, as = BOB, members: object = {}) =>
  api.call({
    method: "POST",
    path: `/v1/cards/${cardId}/statements/prepare`,
    body: { tenant_id: TENANT, decision: "approve", office_id: OFFICE, ...members },
    as,
  });
const submit = (cardId: string, body: object, as = BOB) => api.call({ method: "POST", path: `/v1/cards/${cardId}/statements`, body, as });

test("a card is shown with the ADR's names, its plan and its flow's page", async () => {
  const plan_digest = await recordPlannedCard("k-shown");
  const { status, body } = await api.call({ path: `/v1/cards/k-shown?tenant_id=${TENANT}` });
  expect(status).toBe(200);
  expect(body).toMatchObject({
    card_id: "k-shown",
    status: "awaiting_approval",
    jobId: "job-k-shown",
    jobType: "git.registry.init",
    plan_digest,
    plan: { basis: { project_id: "P.demo" } },
    statements: [],
  });
  expect(body["temporal_url"]).toContain(encodeURIComponent("card/T.UBL/k-shown"));
  expect(Object.keys(body)).not.toContain("seq");
});

// Any member can withdraw, also what they never approved.
test("approvals stay in sight, however many withdrawals come between them", async () => {
  const plan_digest = await recordPlannedCard("k-crowded");
  const state = (n: number, decision: "approve" | "withdraw", approver: string): NewEvent => {
    const statement_digest = n.toString(16).padStart(64, "0");
    const about = { tenant_id: TENANT, card_id: "k-crowded", card_digest: "a".repeat(64), round: 1, plan_digest, office_id: OFFICE };
    const statement = { ...about, decision, approver, nonce: "n".repeat(22), not_after: Date.now() };
    const signed = { statement, attestor: { kid: "k", sig: "s" } };
    const payload = { card_id: "k-crowded", signed, statement_digest, counts: true, reasons: [], approval: null, missing: [] };
    return { type: decision === "approve" ? "card.approved" : "card.withdrawn", key: `card.statement/k-crowded/${n}`, payload };
  };
  await append([state(0, "approve", BOB)]);
  for (let from = 1; from <= STATEMENTS_MAX; from += 250)
    await append(Array.from({ length: 250 }, (_, n) => state(from + n, "withdraw", OLGA)));
  await append([state(STATEMENTS_MAX + 1, "approve", ADMIN)]);
  const { statements = [] } = (await findCard(api.deps.db, { tenant_id: TENANT, card_id: "k-crowded" })) ?? {};
  expect([statements.length, statements[0]?.approver, statements.at(-1)?.approver]).toEqual([STATEMENTS_MAX, BOB, ADMIN]);
  expect(statements.map(({ seq }) => seq)).toEqual(statements.map(({ seq }) => seq).sort((one, other) => one - other));
});

test("cards are listed page by page, the latest first", async () => {
  for (const name of ["k-p1", "k-p2", "k-p3"]) await recordOpenedCard(name, "P.pages");
  const first = await api.call({ path: `/v1/cards?tenant_id=${TENANT}&project_id=P.pages&limit=2` });
  const listIds = (body: unknown) => (body as { card_id: string }[]).map((card) => card.card_id);
  expect(listIds(first.body)).toEqual(["k-p3", "k-p2"]);
  const next = /^<([^>]+)>; rel="next"$/.exec(first.headers.get("link") ?? "")?.[1];
  const second = await api.call({ path: next ?? "" });
  expect([listIds(second.body), second.headers.get("link")]).toEqual([["k-p1"], null]);
  expect(listIds((await api.call({ path: `/v1/cards?tenant_id=${TENANT}&project_id=P.pages&status=success` })).body)).toEqual([]);
});

test("a waiting request for a card returns when the card changes", async () => {
  await recordOpenedCard("k-waited");
  const waiting = api.call({ path: `/v1/cards/k-waited?tenant_id=${TENANT}&wait_ms=30000&not_status=planning` });
  await recordPlanLater("k-waited");
  expect((await waiting).body).toMatchObject({ status: "denied", denial: { code: "project_exists" } });
});

async function recordPlanLater(cardId: string) {
  const denial = { code: "project_exists" as const, message: "It is there." };
  await append([
    { type: "card.closed", key: `card.closed/${cardId}`, payload: { card_id: cardId, status: "denied", denial, reasons: [] } },
  ]);
}

test("a card whose flow has not recorded it yet is not 404; an unknown card is", async () => {
  expect((await api.call({ path: `/v1/cards/k-unknown?tenant_id=${TENANT}` })).status).toBe(404);
  const card: Card = { ...(await recordOpenedCard("k-template")), card_id: "k-begun" };
  await api.deps.flows.startCard(card);
  const answer = await api.call({ path: `/v1/cards/k-begun?tenant_id=${TENANT}` });
  expect([answer.status, answer.headers.get("retry-after")]).toEqual([503, "2"]);
});

test("a card opens only through an office of its author, and only with the patch that its params name", async () => {
  const open = (members: object) => api.call({ method: "POST", path: "/v1/cards", body: buildCardRequest(members), as: BOB });
  expect(await open({ office_id: "office:security" })).toMatchObject({ status: 403, body: { code: "forbidden" } });
  const patch = Buffer.from("something else").toString("base64");
  expect(await open({ jobType: "git.registry.push", params: buildPushParams({ patch }) })).toMatchObject({
    status: 422,
    body: { code: "subject_hash_mismatch" },
  });
});

test("a statement is prepared for the current plan, in the caller's own name", async () => {
  const plan_digest = await recordPlannedCard("k-prepared");
  const { body } = await prepare("k-prepared");
  expect(body).toEqual({
    step_up: null,
    statement: expect.objectContaining({
      tenant_id: TENANT,
      card_id: "k-prepared",
      plan_digest,
      decision: "approve",
      approver: BOB,
      office_id: OFFICE,
    }),
  });
  expect((await prepare("k-prepared", BOB, { office_id: "office:security" })).status).toBe(403);
  expect((await prepare("k-none")).status).toBe(404);
  await recordOpenedCard("k-unplanned");
  expect(await prepare("k-unplanned")).toMatchObject({ status: 409, body: { code: "conflict" } });
});

test("from L4 on, the challenge of the step-up is the statement's digest", async () => {
  await recordPlannedCard("k-stepped", "L4", true);
  expect(await prepare("k-stepped")).toMatchObject({
    status: 403,
    body: { code: "step_up_required", next: expect.stringContaining("/v1/passkeys") },
  });
  expect(await prepare("k-stepped", "ubl:sid:app:ci")).toMatchObject({ status: 403, body: { code: "step_up_required" } });

  const options = await api.call({ method: "POST", path: "/v1/passkeys/registration/options", as: BOB });
  const { passkey, response } = createPasskey(options.body as never, "http://localhost");
  const register = () => api.call({ method: "POST", path: "/v1/passkeys/registration", body: { name: "Laptop", response }, as: BOB });
  expect(await register()).toMatchObject({ status: 201, body: { credential_id: expect.any(String) } });
  expect(passkey).toBeDefined();
  expect(await register()).toMatchObject({ status: 403, body: { code: "step_up_required" } });
  expect((await api.call({ path: "/v1/passkeys", as: BOB })).body).toEqual([expect.objectContaining({ name: "Laptop", disabled: false })]);
  expect((await api.call({ path: "/v1/passkeys", as: "ubl:sid:app:ci" })).status).toBe(403);

  // Until the charter names it, no authenticator is asked for it.
  expect(await prepare("k-stepped")).toMatchObject({ status: 403, body: { code: "step_up_required" } });
  await nameOwnPasskeys("person:bob");
  const { body } = await prepare("k-stepped");
  const step_up = body["step_up"] as { challenge: string; userVerification: string; allowCredentials: unknown };
  expect(step_up.allowCredentials).toMatchObject([{ id: passkey.credential_id }]);
  expect(step_up.challenge).toBe(Buffer.from(computeStatementChallenge(body["statement"] as Statement)).toString("base64url"));
  expect(step_up.userVerification).toBe("required");
});

/** Names the registered passkeys of Bob in the charter. */
async function nameOwnPasskeys(personId: string): Promise<void> {
  const registered = (await api.call({ path: "/v1/passkeys", as: BOB })).body as unknown as { record: Passkey }[];
  const person = requireOutcome(await api.deps.charters.readNewest(TENANT)).find("person", personId);
  if (person === undefined) throw new Error(`no ${personId}`);
  const persons = { [personId]: { ...person, passkeys: registered.map(({ record }) => record) } };
  const store = await openStore(api.founded.rootStore);
  const key = readSigningKey(join(dirname(api.founded.keys.permit), "founding", `${TENANT}.pem`));
  await appendCharterEntry(store, TENANT, key, { jobType: "registry.members.change", params: { persons, actors: {} } });
  await store.close();
}

test("a statement in another actor's name is 403, and one about another card than the path names is 400", async () => {
  await recordPlannedCard("k-names");
  const { statement } = (await prepare("k-names")).body as { statement: Statement };
  expect(await submit("k-names", { statement }, ADMIN)).toMatchObject({ status: 403, body: { code: "forbidden" } });
  expect(await submit("k-shown", { statement })).toMatchObject({ status: 400, body: { errors: [{ field: "statement.card_id" }] } });
});

test("a statement about a card whose flow has ended is 409 closed with the recorded state", async () => {
  await recordPlannedCard("k-over");
  const { statement } = (await prepare("k-over")).body;
  await recordPlanLater("k-over");
  expect(await submit("k-over", { statement })).toMatchObject({
    status: 409,
    body: { code: "closed", state: { card_id: "k-over", status: "denied" } },
  });
  expect(await prepare("k-over")).toMatchObject({ status: 409, body: { code: "closed", state: { status: "denied" } } });
});
