import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { requireValue } from "../../src/client/http/problem.js";
import { waitForCardEnd, waitForCommandEnd } from "../../src/client/waiting.js";
import { hashPlan, type Plan } from "../../src/domain/act/plan.js";
import { signObject } from "../../src/domain/bytes/signature.js";
import type { RunCommandInput } from "../../src/domain/flow/lab512-steps.js";
import { hashEnvelope } from "../../src/domain/permit/envelope.js";
import type { Receipt } from "../../src/domain/permit/receipt.js";
import {
  actByCard,
  actByPermit,
  buildPushJob,
  buildRegistrationJob,
  openCard,
  PATIENCE_MS,
  prepareCommand,
  stateDecision,
} from "../harness/acting.js";
import { type ServedRegistry, startRegistryInProcess } from "../harness/registry.js";
import { createWorldKey } from "../lab512/runner/world.js";
import { Clone } from "../repository/real-git.js";
import { serveWhile } from "./attacker-worker.js";
import { expectSoundLedger, listEventTypesAbout, readCatalogRefs, readTraces, TENANT } from "./evidence.js";

// Mallory can reach Temporal and polls LAB_512 with her own worker while the Runner is stopped. She returns forged receipts and plans.

const PROJECT = "P.demo";

let registry: ServedRegistry;
let clone: Clone;
let earlier: Receipt;

beforeAll(async () => {
  registry = await startRegistryInProcess({ name: "rogue-runner" });
  clone = new Clone();
  clone.commit("base.txt", "base");
  await actByCard(registry, buildRegistrationJob(PROJECT));
  const { command } = await actByPermit(registry.as("admin"), buildPushJob(clone, PROJECT, "feature/base"));
  earlier = command.receipt as Receipt;
  await registry.lab512.stop();
});

afterAll(async () => {
  await registry?.stop();
});

/** Forges a success receipt for the command by Mallory's key under the Runner's key id. */
function forgeReceipt({ envelope }: RunCommandInput): Receipt {
  const { tenant_id, jobId, jti, jobType, policy_hash } = envelope;
  const { kid, sig: _, ...rest } = earlier;
  const own = { tenant_id, jobId, jti, jobType, policy_hash, envelope_digest: hashEnvelope(envelope) };
  return signObject("receipt", { ...rest, ...own }, { ...createWorldKey(), kid });
}

const answers: readonly [string, (input: RunCommandInput) => unknown][] = [
  ["a receipt signed by Mallory's key", (input) => ({ kind: "receipt", receipt: forgeReceipt(input) })],
  ["the genuine receipt of another act", () => ({ kind: "receipt", receipt: earlier })],
  [
    "a genuine receipt with this act's id",
    ({ envelope }) => ({ kind: "receipt", receipt: { ...earlier, jti: envelope.jti, jobId: envelope.jobId } }),
  ],
  ["a refusal with a wrong signature", () => ({ kind: "refusal", refusal: { ...earlier, status: "denied", code: "permit_expired" } })],
  ["an empty receipt", () => ({ kind: "receipt", receipt: {} })],
  ["an answer without a kind", () => ({})],
  ["null", () => null],
  ["a string", () => "success"],
];

describe("a rogue worker in place of the Runner", () => {
  it.each(answers)("that returns %s gets no receipt recorded", async (what, answer) => {
    const author = registry.as("admin");
    const branch = `feature/rogue-${answers.findIndex(([name]) => name === what)}`;
    const envelope = await prepareCommand(author, buildPushJob(clone, PROJECT, branch));
    const serving = { taskQueue: "LAB_512", activities: { runCommand: async (input: RunCommandInput) => answer(input) } };
    const command = await serveWhile(registry.temporal, serving, async () => {
      requireValue(await author.issueCommand(envelope));
      return waitForCommandEnd(author, envelope.jti, PATIENCE_MS);
    });
    expect({ status: command.status, code: command.denial?.code }).toEqual({ status: "denied", code: "answer_invalid" });
    expect(await listEventTypesAbout(registry, envelope.jti)).not.toContain("receipt.recorded");
    expect((await readTraces(registry, envelope.jti)).receipt).toBe(false);
    expect(await readCatalogRefs(registry, PROJECT)).not.toHaveProperty(`refs/heads/${branch}`);
  });

  it("that forges who wrote a plan's commits gets its approval voided by the genuine plan", async () => {
    const author = registry.as("admin");
    const card = await openCardWithForgedPlan("P.lied", (plan) => ({ ...plan, author_emails: ["harmless@example.org"] }));
    expect(card.status).toBe("awaiting_approval");
    await registry.lab512.start();
    await stateDecision(registry, "bob", "approve", card);
    const readPlanDigest = async () => requireValue(await author.readCard(card.card_id)).plan_digest;
    await expect.poll(readPlanDigest, { timeout: PATIENCE_MS }).not.toBe(card.plan_digest);
    expect(await listEventTypesAbout(registry, card.card_id)).toContain("card.approvals_voided");
    await stateDecision(registry, "bob", "approve", card);
    expect((await waitForCardEnd(author, card.card_id, PATIENCE_MS)).status).toBe("success");
    await registry.lab512.stop();
    await expectSoundLedger(registry);
  });

  it.each(forgedPlans)("that returns a plan with %s gets the card denied", async (what, forge, digested) => {
    const project = `P.lied-${forgedPlans.findIndex(([name]) => name === what)}`;
    const card = await openCardWithForgedPlan(project, forge, digested);
    expect({ status: card.status, code: card.denial?.code }).toEqual({ status: "denied", code: "answer_invalid" });
    expect(await listEventTypesAbout(registry, card.card_id)).not.toContain("card.planned");
  });
});

type PlanForgery = (plan: Plan) => unknown;

/** Forged plans for another act than the card's, and whether the digest matches the forged plan. */
const forgedPlans: readonly [string, PlanForgery, boolean][] = [
  ["another digest than its own", (plan) => ({ ...plan, author_emails: ["harmless@example.org"] }), false],
  ["other params", ({ basis, ...shown }) => ({ basis: { ...basis, params: { ...basis.params, name: "Harmless" } }, ...shown }), true],
  ["another project", ({ basis, ...shown }) => ({ basis: { ...basis, project_id: "P.other" }, ...shown }), true],
  ["another tenant", ({ basis, ...shown }) => ({ basis: { ...basis, tenant_id: "T.OTHER" }, ...shown }), true],
  ["another target", ({ basis, ...shown }) => ({ basis: { ...basis, target: "LAB_256" }, ...shown }), true],
  ["another job", ({ basis, ...shown }) => ({ basis: { ...basis, job_type: "git.registry.push" }, ...shown }), true],
  ["no basis", ({ basis: _, ...shown }) => shown, true],
];

/** Opens a card for a registration whose plan Mallory forges. */
async function openCardWithForgedPlan(project: string, forge: PlanForgery, digested = true) {
  const asked = buildRegistrationJob(project);
  const honest: Plan = {
    basis: {
      tenant_id: TENANT,
      project_id: project,
      job_type: "git.registry.init",
      target: "LAB_512",
      params: asked.params as Plan["basis"]["params"],
      refs: [],
      creates: [],
      policy_hash: registry.founded.policy_hash,
      infra: "none",
    },
    fast_forward: null,
    commit_count: 0,
    commits: [],
    author_emails: [],
    pushed_before: [],
    changed_paths: [],
    diffstat: { files: 0, insertions: 0, deletions: 0 },
  };
  const plan = forge(honest);
  const answer = { ok: true, value: { plan, plan_digest: hashPlan((digested ? plan : honest) as Plan) } };
  const serving = { taskQueue: "LAB_512", activities: { planAct: async () => answer } };
  return serveWhile(registry.temporal, serving, () => openCard(registry.as("admin"), asked));
}
