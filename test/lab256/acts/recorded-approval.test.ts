import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createLab256Activities } from "../../../src/activities/lab256.js";
import { readFoundingKeys, readJwks, readSigningKey } from "../../../src/configuration/keys.js";
import { Charters } from "../../../src/decision/charter/charters.js";
import type { Card } from "../../../src/domain/card/card.js";
import type { IssuePermitInput, Lab256Activities } from "../../../src/domain/flow/lab256-steps.js";
import { noInfra } from "../../../src/infra/source/open.js";
import { type DbPool, openDatabase } from "../../../src/lab256/database/database.js";
import { PolicyCatalog } from "../../../src/lab256/permits/policy-catalog.js";
import { limitToCreates } from "../../../src/storage/scoped.js";
import type { FlowState } from "../../../src/workflows/messages.js";
import { buildRegistrationJob, OFFICE, openCard, stateDecision } from "../../harness/acting.js";
import { type ServedRegistry, startRegistryInProcess } from "../../harness/registry.js";
import { openTemporalClient, type TemporalTestClient } from "../../harness/temporal-client.js";

// A compromised worker can tell a flow that a card has all its approvals. The step that signs the permit checks the ledger.

let registry: ServedRegistry;
let temporal: TemporalTestClient;
let db: DbPool;
let lab256: Lab256Activities;

beforeAll(async () => {
  registry = await startRegistryInProcess({ name: "recorded-approval" });
  temporal = await openTemporalClient(registry.temporal);
  db = openDatabase(registry.databaseUrl, { maxConnections: 2 });
  const { keys } = registry.founded;
  const store = limitToCreates(registry.store, ["staging", "ends"]);
  lab256 = createLab256Activities({
    ...{ db, store, now: Date.now },
    infra: noInfra,
    policies: new PolicyCatalog(store, new Charters(store, readFoundingKeys(keys.foundingKeysLab256)), Date.now),
    permitKey: readSigningKey(keys.permit),
    receiptKeys: readJwks(keys.receiptJwks),
    statements: { jwks: { keys: [readSigningKey(keys.statement).jwk] }, rp: { id: "localhost", origins: [] } },
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
  const { plan, plan_digest, decide_by } = await handle.query<FlowState>("state");
  if (plan === null || plan_digest === null) throw new Error("The card has no plan.");
  return {
    card: { ...card, run: card.run },
    planned: { plan, plan_digest },
    decided: {
      level: "L0",
      reasons: [],
      requires: [],
      missing: [],
      decide_by: decide_by ?? 0,
      permit_ttl_ms: 300_000,
      max_run_ms: 600_000,
    },
    workflow_id: opened.workflow_id,
    approved_at: Date.now() + 3_600_000,
  };
}

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
});
