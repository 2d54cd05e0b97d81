import { type Client, WorkflowUpdateFailedError } from "@temporalio/client";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { requireValue } from "../../src/client/http/problem.js";
import { waitForCardEnd } from "../../src/client/waiting.js";
import { readSigningKey } from "../../src/configuration/keys.js";
import { type SigningKey, signObject } from "../../src/domain/bytes/signature.js";
import type { Card, UnsignedCard } from "../../src/domain/card/card.js";
import type { SignedStatement, Statement } from "../../src/domain/card/statement.js";
import { attestStatement } from "../../src/lab256/identity/passkeys/statements.js";
import type { FlowState, MessageVerdict } from "../../src/workflows/messages.js";
import { buildRegistrationJob, OFFICE, openCard, PATIENCE_MS, stateDecision } from "../harness/acting.js";
import { type ServedRegistry, startRegistryInProcess } from "../harness/registry.js";
import { openTemporalClient, type TemporalTestClient } from "../harness/temporal-client.js";
import { createWorldKey } from "../lab512/runner/world.js";
import { ATTACKER_QUEUE, serveWhile } from "./attacker-worker.js";
import { expectSoundLedger, listEventTypesAbout } from "./evidence.js";

// Mallory can reach Temporal, knows every card's workflow id, and sends forged approvals directly to the flow.

let registry: ServedRegistry;
let temporal: TemporalTestClient;
let attestor: SigningKey;

beforeAll(async () => {
  registry = await startRegistryInProcess({ name: "forged-statements" });
  temporal = await openTemporalClient(registry.temporal);
  attestor = readSigningKey(registry.founded.keys.statement);
});

afterAll(async () => {
  await temporal?.close();
  await registry?.stop();
});

async function prepareStatementAs(card: { card_id: string }, name = "bob"): Promise<Statement> {
  return requireValue(await registry.as(name).prepareStatement(card.card_id, "approve", OFFICE)).statement;
}

/** Makes a message of Mallory's from the statement that the api would send for bob. */
type Forgery = (genuine: SignedStatement, elsewhere: SignedStatement) => unknown;

const forgeries: readonly [string, Forgery][] = [
  ["without a signature", ({ statement }) => ({ statement })],
  ["with an empty signature", ({ statement, attestor: { kid } }) => ({ statement, attestor: { kid, sig: "" } })],
  ["signed by Mallory's key", ({ statement }) => attestStatement(statement, createWorldKey())],
  [
    "signed by Mallory's key under the registry's key id",
    ({ statement, attestor: { kid } }) => attestStatement(statement, { ...createWorldKey(), kid }),
  ],
  ["genuine, for another card", (_, elsewhere) => elsewhere],
  ["with the signature of another card's statement", ({ statement }, elsewhere) => ({ statement, attestor: elsewhere.attestor })],
  ["for another plan digest", ({ statement, ...rest }) => ({ statement: { ...statement, plan_digest: "0".repeat(64) }, ...rest })],
  [
    "genuine, for a plan that the card never had",
    ({ statement }) => attestStatement({ ...statement, plan_digest: "a".repeat(64) }, attestor),
  ],
  [
    "with carol's name in bob's statement",
    ({ statement, ...rest }) => ({ statement: { ...statement, approver: "ubl:sid:person:carol" }, ...rest }),
  ],
  [
    "genuine, by an actor who does not exist",
    ({ statement }) => attestStatement({ ...statement, approver: "ubl:sid:person:nobody" }, attestor),
  ],
  [
    "genuine, through an office that bob does not hold",
    ({ statement }) => attestStatement({ ...statement, office_id: "office:security" }, attestor),
  ],
  ["genuine, for another tenant", ({ statement }) => attestStatement({ ...statement, tenant_id: "T.OTHER" }, attestor)],
  ["genuine, and stale", ({ statement }) => attestStatement({ ...statement, not_after: 1 }, attestor)],
  ["by the card's author", ({ statement }) => attestStatement({ ...statement, approver: "ubl:sid:person:admin" }, attestor)],
  [
    "by an agent",
    ({ statement }) => attestStatement({ ...statement, approver: "ubl:sid:agent:builder", office_id: "office::agents" }, attestor),
  ],
];

function getFlowHandle(client: Client, { workflow_id }: { workflow_id: string }) {
  return client.workflow.getHandle(workflow_id);
}

/** Sends a message to the flow. Returns its verdict or the validator's refusal. */
async function readVerdict(card: { workflow_id: string }, message: unknown): Promise<string> {
  try {
    const { accepted, denial } = await getFlowHandle(temporal.client, card).executeUpdate<MessageVerdict, [unknown]>("decide", {
      args: [message],
    });
    return accepted ? "accepted" : (denial?.code ?? "no code");
  } catch (error) {
    if (!(error instanceof WorkflowUpdateFailedError)) throw error;
    return (error.cause?.message ?? "").split(":")[0] ?? "";
  }
}

describe("forged approvals sent directly to Temporal", () => {
  it("do not count by update or by signal, and the card can still be approved", async () => {
    const [card, other] = [
      await openCard(registry.as("admin"), buildRegistrationJob("P.forged")),
      await openCard(registry.as("admin"), buildRegistrationJob("P.other")),
    ];
    const [genuine, elsewhere] = [
      attestStatement(await prepareStatementAs(card), attestor),
      attestStatement(await prepareStatementAs(other), attestor),
    ];
    const verdicts: Record<string, string> = {};
    for (const [what, forge] of forgeries) {
      const forged = forge(genuine, elsewhere);
      verdicts[what] = await readVerdict(card, forged);
      await getFlowHandle(temporal.client, card).signal("statement", forged);
    }
    const expected = forgeries.map(([what]) => [what, /author|agent/.test(what) ? "statement_not_counted" : "statement_invalid"]);
    expect(verdicts).toEqual(Object.fromEntries(expected));
    const { status, approvals } = await getFlowHandle(temporal.client, card).query<FlowState>("state");
    expect({ status, approvals }).toEqual({ status: "awaiting_approval", approvals: [] });
    expect(await listEventTypesAbout(registry, card.card_id)).not.toContain("card.approved");

    await stateDecision(registry, "bob", "approve", card);
    expect((await waitForCardEnd(registry.as("admin"), card.card_id, PATIENCE_MS)).status).toBe("success");
    await expectSoundLedger(registry);
  });
});

describe("a card's flow that Mallory starts herself", () => {
  const begin = async (card: Card, workflowId: string): Promise<FlowState> => {
    const args = [{ kind: "card", card }];
    const handle = await temporal.client.workflow.start("officialAct", { args, taskQueue: "LAB_256", workflowId });
    return handle.result();
  };

  it("in bob's name is denied and stores nothing", async () => {
    const unsigned: UnsignedCard = {
      tenant_id: "T.UBL",
      office_id: OFFICE,
      intent: "Mallory's own",
      context: {},
      jobType: "git.registry.init",
      target: "LAB_512",
      card_id: "k-01890a5d-ac96-7ab2-80e2-4536629c90de",
      params: { project_id: "P.mallory", name: "Demo", owners: [OFFICE], visibility: "internal" },
      jobId: "job-mallory",
      run: "on_approval",
      author: { actor_id: "ubl:sid:person:bob", person_id: "person:nobody" },
      opened_at: Date.now(),
    };
    const key = createWorldKey();
    for (const card of [signObject("card", unsigned, key), { ...signObject("card", unsigned, key), kid: attestor.kid }]) {
      const end = await begin(card as Card, `card/T.UBL/${unsigned.card_id}`);
      expect([end.status, end.denial?.code]).toEqual(["denied", "envelope_invalid"]);
    }
    expect(await listEventTypesAbout(registry, unsigned.card_id)).toEqual([]);
  });

  it("with a genuine card under another workflow id neither opens nor closes that card", async () => {
    const victim = await openCard(registry.as("admin"), buildRegistrationJob("P.victim"));
    const history = await getFlowHandle(temporal.client, victim).fetchHistory();
    const payload = history.events?.[0]?.workflowExecutionStartedEventAttributes?.input?.payloads?.[0]?.data;
    const { card } = JSON.parse(Buffer.from(payload ?? []).toString("utf8")) as { card: Card };
    const end = await begin(card, "card/mallory");
    expect([end.status, end.denial?.code]).toEqual(["denied", "envelope_invalid"]);
    expect(await listEventTypesAbout(registry, victim.card_id)).not.toContain("card.closed");
    await stateDecision(registry, "bob", "approve", victim);
    expect((await waitForCardEnd(registry.as("admin"), victim.card_id, PATIENCE_MS)).status).toBe("success");
    await expectSoundLedger(registry);
  });

  it("cannot run LAB 256's steps, which cannot be scheduled as activities", async () => {
    const card = await openCard(registry.as("admin"), buildRegistrationJob("P.steps"));
    const run = () =>
      temporal.client.workflow.execute("scheduleOnLab256", {
        taskQueue: ATTACKER_QUEUE,
        workflowId: `mallory/${card.card_id}`,
        args: [card.card_id],
      });
    const outcomes = await serveWhile(registry.temporal, { taskQueue: ATTACKER_QUEUE }, run);
    expect(outcomes).toEqual({ issuePermit: "not run", closeCard: "not run", endPermit: "not run" });
    expect(await listEventTypesAbout(registry, card.card_id)).toEqual(["card.opened", "card.planned"]);
  });
});
