import { type Client, WorkflowUpdateFailedError } from "@temporalio/client";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { required } from "../../src/client/problem.js";
import { cardEnd } from "../../src/client/waiting.js";
import { readSigningKey } from "../../src/configuration/keys.js";
import { type Card, cardSchema } from "../../src/domain/card.js";
import type { SigningKey } from "../../src/domain/signature.js";
import type { SignedStatement, Statement } from "../../src/domain/statement.js";
import { attest } from "../../src/identity/statements.js";
import type { FlowState, MessageVerdict } from "../../src/workflows/messages.js";
import { OFFICE, openCard, PATIENCE_MS, registration, state } from "../harness/acting.js";
import { startTestRegistry, type TestRegistry } from "../harness/registry.js";
import { openTemporal, type TemporalDesk } from "../harness/temporal-client.js";
import { newKey } from "../runner/world.js";
import { eventsAbout, expectSoundLedger } from "./evidence.js";

// Mallory can reach Temporal, knows every card by its workflow's id, and sends approvals of her own making straight to the flow.

let registry: TestRegistry;
let temporal: TemporalDesk;
let attestor: SigningKey;

beforeAll(async () => {
  registry = await startTestRegistry({ name: "forged-statements" });
  temporal = await openTemporal(registry.temporal);
  attestor = readSigningKey(registry.founded.keys.statement);
});

afterAll(async () => {
  await temporal?.close();
  await registry?.stop();
});

async function prepared(card: { card_id: string }, name = "bob"): Promise<Statement> {
  return required(await registry.as(name).prepareStatement(card.card_id, "approve", OFFICE)).statement;
}

/** What Mallory sends, by what is wrong with it. `genuine` is what the api would have sent for bob. */
type Forgery = (genuine: SignedStatement, elsewhere: SignedStatement) => unknown;

const forgeries: readonly [string, Forgery][] = [
  ["without a signature", ({ statement }) => ({ statement })],
  ["with an empty signature", ({ statement, attestor: { kid } }) => ({ statement, attestor: { kid, sig: "" } })],
  ["signed by a key of her own", ({ statement }) => attest(statement, newKey())],
  ["signed by a key of her own under the registry's key id", ({ statement, attestor: { kid } }) => attest(statement, { ...newKey(), kid })],
  ["genuine, for another card", (_, elsewhere) => elsewhere],
  ["with the signature of another card's", ({ statement }, elsewhere) => ({ statement, attestor: elsewhere.attestor })],
  ["for another plan digest", ({ statement, ...rest }) => ({ statement: { ...statement, plan_digest: "0".repeat(64) }, ...rest })],
  ["genuine, for a plan that the card never had", ({ statement }) => attest({ ...statement, plan_digest: "a".repeat(64) }, attestor)],
  [
    "with carol's name in bob's statement",
    ({ statement, ...rest }) => ({ statement: { ...statement, approver: "ubl:sid:person:carol" }, ...rest }),
  ],
  ["genuine, by an actor who does not exist", ({ statement }) => attest({ ...statement, approver: "ubl:sid:person:nobody" }, attestor)],
  [
    "genuine, through an office that bob does not hold",
    ({ statement }) => attest({ ...statement, office_id: "office:security" }, attestor),
  ],
  ["genuine, for another tenant", ({ statement }) => attest({ ...statement, tenant_id: "T.OTHER" }, attestor)],
  ["genuine, and stale", ({ statement }) => attest({ ...statement, not_after: 1 }, attestor)],
  ["by the card's author", ({ statement }) => attest({ ...statement, approver: "ubl:sid:person:admin" }, attestor)],
  ["by an agent", ({ statement }) => attest({ ...statement, approver: "ubl:sid:agent:builder", office_id: "office::agents" }, attestor)],
];

function handleOf(client: Client, { workflow_id }: { workflow_id: string }) {
  return client.workflow.getHandle(workflow_id);
}

/** The flow's verdict; a refusal by the validator is one, too. */
async function verdict(card: { workflow_id: string }, message: unknown): Promise<string> {
  try {
    const { accepted, denial } = await handleOf(temporal.client, card).executeUpdate<MessageVerdict, [unknown]>("decide", {
      args: [message],
    });
    return accepted ? "accepted" : (denial?.code ?? "no code");
  } catch (error) {
    if (!(error instanceof WorkflowUpdateFailedError)) throw error;
    return (error.cause?.message ?? "").split(":")[0] ?? "";
  }
}

describe("approvals sent straight to Temporal", () => {
  it("count for nothing, by update and by signal, and the card can still be approved", async () => {
    const [card, other] = [
      await openCard(registry.as("admin"), registration("P.forged")),
      await openCard(registry.as("admin"), registration("P.other")),
    ];
    const [genuine, elsewhere] = [attest(await prepared(card), attestor), attest(await prepared(other), attestor)];
    const verdicts: Record<string, string> = {};
    for (const [what, forge] of forgeries) {
      const forged = forge(genuine, elsewhere);
      verdicts[what] = await verdict(card, forged);
      await handleOf(temporal.client, card).signal("statement", forged);
    }
    const expected = forgeries.map(([what]) => [what, /author|agent/.test(what) ? "statement_not_counted" : "statement_invalid"]);
    expect(verdicts).toEqual(Object.fromEntries(expected));
    const { status, approvals } = await handleOf(temporal.client, card).query<FlowState>("state");
    expect({ status, approvals }).toEqual({ status: "awaiting_approval", approvals: [] });
    expect(await eventsAbout(registry, card.card_id)).not.toContain("card.approved");

    await state(registry, "bob", "approve", card);
    expect((await cardEnd(registry.as("admin"), card.card_id, PATIENCE_MS)).status).toBe("success");
    await expectSoundLedger(registry);
  });
});

describe("a card's flow that Mallory starts herself", () => {
  it("in bob's name, runs nothing without an approval", async () => {
    const card: Card = cardSchema.parse({
      tenant_id: "T.UBL",
      office_id: OFFICE,
      intent: "Mallory's own",
      jobType: "git.registry.init",
      target: "LAB_512",
      card_id: "k-01890a5d-ac96-7ab2-80e2-4536629c90de",
      params: registration("P.mallory").params,
      jobId: "job-mallory",
      run: "on_approval",
      author: { actor_id: "ubl:sid:person:bob", person_id: "person:nobody" },
      opened_at: Date.now(),
    });
    const workflowId = `card/T.UBL/${card.card_id}`;
    const handle = await temporal.client.workflow.start("officialAct", {
      args: [{ kind: "card", card }],
      taskQueue: "LAB_256",
      workflowId,
    });
    const open = async () => (await handle.query<FlowState>("state")).status;
    await expect.poll(open, { timeout: PATIENCE_MS }).toBe("awaiting_approval");
    const { plan_digest } = await handle.query<FlowState>("state");
    const statement = { ...(await prepared(await openCard(registry.as("admin"), registration("P.template")))), card_id: card.card_id };
    const message = attest({ ...statement, plan_digest: plan_digest ?? "" }, newKey());
    expect(await verdict({ workflow_id: workflowId }, message)).toBe("statement_invalid");
    expect(await open()).toBe("awaiting_approval");
  });
});
