import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { RunCommandInput } from "../../src/activities/lab512/types.js";
import { required } from "../../src/client/problem.js";
import { cardEnd, commandEnd } from "../../src/client/waiting.js";
import { envelopeDigest } from "../../src/domain/envelope.js";
import { planDigest } from "../../src/domain/plan.js";
import type { Receipt } from "../../src/domain/receipt.js";
import { signed } from "../../src/domain/signature.js";
import { Clone } from "../git/real-git.js";
import { actByCard, actByPermit, openCard, PATIENCE_MS, permitted, push, registration, state } from "../harness/acting.js";
import { startTestRegistry, type TestRegistry } from "../harness/registry.js";
import { newKey } from "../runner/world.js";
import { quiet, whileServing } from "./attacker-worker.js";
import { eventsAbout, expectSoundLedger, refsOf, TENANT, tracesOf } from "./evidence.js";

// Mallory can reach Temporal, and polls LAB_512 with a worker of her own while the Runner is away: she answers with receipts and plans
// that she made up.

const PROJECT = "P.demo";

let registry: TestRegistry;
let clone: Clone;
let earlier: Receipt;

beforeAll(async () => {
  quiet();
  registry = await startTestRegistry({ name: "rogue-runner" });
  clone = new Clone();
  clone.commit("base.txt", "base");
  await actByCard(registry, registration(PROJECT));
  const { command } = await actByPermit(registry.as("admin"), push(clone, PROJECT, "feature/base"));
  earlier = command.receipt as Receipt;
  await registry.lab512.stop();
});

afterAll(async () => {
  await registry?.stop();
});

/** A success for this very command, signed by a key of Mallory's own under the Runner's key id. */
function madeUp({ envelope }: RunCommandInput): Receipt {
  const { tenant_id, jobId, jti, jobType, policy_hash } = envelope;
  const { kid, sig: _, ...rest } = earlier;
  const own = { tenant_id, jobId, jti, jobType, policy_hash, envelope_digest: envelopeDigest(envelope) };
  return signed("receipt", { ...rest, ...own }, { ...newKey(), kid });
}

const answers: readonly [string, (input: RunCommandInput) => unknown][] = [
  ["a receipt signed by a key of her own", (input) => ({ kind: "receipt", receipt: madeUp(input) })],
  ["the genuine receipt of another act", () => ({ kind: "receipt", receipt: earlier })],
  [
    "a genuine receipt with this act's id",
    ({ envelope }) => ({ kind: "receipt", receipt: { ...earlier, jti: envelope.jti, jobId: envelope.jobId } }),
  ],
  ["a refusal that nobody signed", () => ({ kind: "refusal", refusal: { ...earlier, status: "denied", code: "permit_expired" } })],
  ["an empty receipt", () => ({ kind: "receipt", receipt: {} })],
  ["an answer of no kind", () => ({})],
  ["null", () => null],
  ["a string", () => "success"],
];

describe("a worker that answers in the Runner's name", () => {
  it.each(answers)("with %s has nothing recorded as done", async (what, answer) => {
    const author = registry.as("admin");
    const branch = `feature/rogue-${answers.findIndex(([name]) => name === what)}`;
    const envelope = await permitted(author, push(clone, PROJECT, branch));
    const serving = { taskQueue: "LAB_512", activities: { runCommand: async (input: RunCommandInput) => answer(input) } };
    const command = await whileServing(registry.temporal, serving, async () => {
      required(await author.issue(envelope));
      return commandEnd(author, envelope.jti, PATIENCE_MS);
    });
    expect({ status: command.status, code: command.denial?.code }).toEqual({ status: "denied", code: "answer_invalid" });
    expect(await eventsAbout(registry, envelope.jti)).not.toContain("receipt.recorded");
    expect((await tracesOf(registry, envelope.jti)).receipt).toBe(false);
    expect(await refsOf(registry, PROJECT)).not.toHaveProperty(`refs/heads/${branch}`);
  });

  it("cannot have her own plan run in the place of what was asked for", async () => {
    const author = registry.as("admin");
    const serving = { taskQueue: "LAB_512", activities: { planAct: lyingPlan } };
    const card = await whileServing(registry.temporal, serving, () => openCard(author, registration("P.lied")));
    expect(card.status).toBe("awaiting_approval");
    await registry.lab512.start();
    await state(registry, "bob", "approve", card);
    const replanned = async () => required(await author.card(card.card_id)).plan_digest;
    await expect.poll(replanned, { timeout: PATIENCE_MS }).not.toBe(card.plan_digest);
    expect(await eventsAbout(registry, card.card_id)).toContain("card.approvals_voided");
    await state(registry, "bob", "approve", card);
    expect((await cardEnd(author, card.card_id, PATIENCE_MS)).status).toBe("success");
    await expectSoundLedger(registry);
  });
});

/** A plan that shows something harmless: the registration of a project that nobody asked for. */
async function lyingPlan() {
  const basis = {
    tenant_id: TENANT,
    project_id: "P.lied",
    job_type: "git.registry.init" as const,
    target: "LAB_512" as const,
    params: { project_id: "P.lied", name: "Harmless", owners: ["office::default"], visibility: "private" as const },
    refs: [],
    creates: [],
    policy_hash: registry.founded.policy_hash,
    infra: "none" as const,
  };
  const plan = {
    basis,
    fast_forward: null,
    commit_count: 0,
    commits: [],
    author_emails: [],
    diffstat: { files: 0, insertions: 0, deletions: 0 },
  };
  return { ok: true, value: { plan, plan_digest: planDigest(basis as Parameters<typeof planDigest>[0]) } };
}
