import { setTimeout as delay } from "node:timers/promises";
import type { Client } from "@temporalio/client";
import { expect } from "vitest";
import type { Answer } from "../../src/client/http/problem.js";
import { requireValue } from "../../src/client/http/problem.js";
import type { CardAsk, RegistryClient } from "../../src/client/http/registry-client.js";
import { waitForCardToLeave } from "../../src/client/waiting.js";
import { toActWorkflowId } from "../../src/domain/act/workflow-id.js";
import type { FlowStatus } from "../../src/domain/card/flow-status.js";
import type { StatementDecision } from "../../src/domain/card/statement.js";
import type { DenialCode } from "../../src/domain/denial.js";
import type { EventType } from "../../src/domain/ledger/event.js";
import { DEMO_TENANT } from "../../src/stack/founding/demo-tenants.js";
import { buildAttestationStatement, signAttestation } from "../domain/attestations.js";
import {
  actByCard,
  actByPermit,
  buildPushJob,
  buildRegistrationJob,
  buildReleaseJob,
  type Job,
  OFFICE,
  openCard,
  PATIENCE_MS,
  prepareCommand,
  stateDecision,
} from "../harness/acting.js";
import { Clone } from "../repository/real-git.js";
import { QUICK_OFFICE } from "../scenarios/tenants.js";
import { type ActsSetup, attestor, IDLE_TENANT, PROJECT, PULL_TENANT } from "./acts-setup.js";

/** A flow that waits for one more message or for none. */
export interface BegunAct {
  readonly workflow_id: string;
  /** Sends the message that brings the flow to its step, and repeats it until it is accepted despite kills. */
  go(): Promise<unknown>;
}

/** A path of a flow and its only end. */
export interface Act {
  readonly tenant: string;
  readonly status: FlowStatus;
  readonly code: DenialCode | null;
  /** All events in the ledger about the act at its end, each once. */
  readonly events: readonly EventType[];
  /** Prepares the act so that only `go` is missing. Each act needs another `name`. */
  begin(setup: ActsSetup, name: string): Promise<BegunAct>;
}

const PLANNED: readonly EventType[] = ["card.opened", "card.planned", "card.closed"];
const APPROVED: readonly EventType[] = [...PLANNED, "card.approved", "permit.issued"];
const REGISTERED: readonly EventType[] = [...APPROVED, "command.issued", "receipt.recorded", "project.registered", "project.repo.bound"];

const success = { status: "success", code: null } as const;
const byCard = { tenant: DEMO_TENANT } as const;

/** Waits until `isSo` returns true. `what` describes the condition. */
export async function waitUntil(what: string, isSo: () => Promise<boolean>): Promise<void> {
  for (const deadline = Date.now() + PATIENCE_MS; !(await isSo()); await delay(50))
    if (Date.now() > deadline) throw new Error(`Timed out after ${PATIENCE_MS} ms waiting until ${what}.`);
}

async function repeatUntilAccepted(send: () => Promise<Answer<unknown>>, isOver: () => Promise<boolean>): Promise<void> {
  for (;;) {
    const answer = await send();
    if (answer.ok || (await isOver())) return;
    expect(answer.problem.code).toBe("unavailable");
    await delay(200);
  }
}

const createStatusCheck = (status: FlowStatus, author: RegistryClient, card_id: string) => async () =>
  requireValue(await author.readCard(card_id)).status !== status;

async function decideCard({ registry }: ActsSetup, tenant: string, card_id: string, decision: StatementDecision): Promise<void> {
  const decider = registry.as("bob", tenant);
  const { statement } = requireValue(await decider.prepareStatement(card_id, decision, OFFICE));
  await repeatUntilAccepted(() => decider.submitStatement(statement), createStatusCheck("awaiting_approval", decider, card_id));
}

/** Opens a card that needs a decision. */
async function openUndecidedCard(
  setup: ActsSetup,
  tenant: string,
  job: Job,
  decision: StatementDecision,
  more: Partial<CardAsk> = {},
): Promise<BegunAct> {
  const { card_id, workflow_id } = await openCard(setup.registry.as("admin", tenant), job, more);
  return { workflow_id, go: () => decideCard(setup, tenant, card_id, decision) };
}

/** Opens and approves a card that then waits for its command. */
async function approveCard({ registry }: ActsSetup, job: Job, more: Partial<CardAsk> = {}) {
  const author = registry.as("admin");
  const card = await openCard(author, job, { ...more, run: "on_command" });
  await stateDecision(registry, "bob", "approve", card);
  return waitForCardToLeave(author, card.card_id, ["awaiting_approval"], PATIENCE_MS);
}

const toBranch = (name: string) => `feature/${name}`;

/** Waits until Temporal lists the only flow about a project. Returns its id. */
async function waitForProjectFlow(temporal: Client, project_id: string): Promise<string> {
  let found = "";
  await waitUntil(`Temporal lists a flow about ${project_id}`, async () => {
    for await (const { workflowId } of temporal.workflow.list({ query: `OgrProject = "${project_id}"` })) found = workflowId;
    return found !== "";
  });
  return found;
}

/** A card whose flow has not begun, which requires that no worker runs. */
export const opening: Act = {
  ...byCard,
  ...success,
  events: REGISTERED,
  async begin(setup, name) {
    const { registry, temporal } = setup;
    const author = registry.as("admin");
    const project_id = `P.${name}`;
    const asked = author.openCard({ office_id: OFFICE, intent: "A test", target: "LAB_512", ...buildRegistrationJob(project_id) });
    const workflow_id = await waitForProjectFlow(temporal, project_id);
    const go = async () => {
      const { card_id } = requireValue(await asked);
      const isPlanned = async () => {
        const answer = await author.readCard(card_id, { wait_ms: 2000, not_status: "planning" });
        return answer.ok && answer.value.status !== "planning";
      };
      await waitUntil(`${card_id} is planned`, isPlanned);
      await decideCard(setup, DEMO_TENANT, card_id, "approve");
    };
    return { workflow_id, go };
  },
};

export const registering: Act = {
  ...byCard,
  ...success,
  events: REGISTERED,
  begin: (setup, name) => openUndecidedCard(setup, DEMO_TENANT, buildRegistrationJob(`P.${name}`), "approve"),
};

export const rejected: Act = {
  ...byCard,
  status: "rejected",
  code: "rejected",
  events: [...PLANNED, "card.rejected"],
  begin: (setup, name) => openUndecidedCard(setup, DEMO_TENANT, buildRegistrationJob(`P.${name}`), "reject"),
};

/** Another card registers its project between the plan and the approval, so that it can no longer be planned. */
export const voided: Act = {
  ...byCard,
  status: "denied",
  code: "project_exists",
  events: [...PLANNED, "card.approved", "card.approvals_voided", "project.registered", "project.repo.bound"],
  async begin(setup, name) {
    const job = buildRegistrationJob(`P.${name}`);
    const act = await openUndecidedCard(setup, DEMO_TENANT, job, "approve");
    await actByCard(setup.registry, job);
    return act;
  },
};

/** Its branch moves, and somebody looks. */
export const outdated: Act = {
  ...byCard,
  status: "denied",
  code: "ref_moved",
  events: PLANNED,
  async begin(setup, name) {
    const author = setup.registry.as("admin");
    const job = buildPushJob(setup.clone, PROJECT, toBranch(name));
    const { card_id, workflow_id } = await openCard(author, job, { risk: "L3" });
    await actByPermit(author, job);
    const isClosed = async () => {
      const answer = await author.readCard(card_id);
      return answer.ok && answer.value.status === "denied";
    };
    return { workflow_id, go: () => waitUntil(`${card_id} is closed`, isClosed) };
  },
};

export const attested: Act = {
  ...byCard,
  ...success,
  events: [...APPROVED, "card.attested", "command.issued", "receipt.recorded", "project.activity", "project.release.tagged"],
  async begin({ registry }, name) {
    const author = registry.as("admin");
    // The history is unrelated, since another release between plan and approval would change the plan's commits.
    const clone = new Clone();
    const commit = clone.commit("released.txt", name);
    await actByPermit(author, buildPushJob(clone, PROJECT, toBranch(name)));
    const { card_id, workflow_id, plan_digest } = await openCard(author, buildReleaseJob(PROJECT, `v1.0.0-${name}`, commit));
    await stateDecision(registry, "bob", "approve", { card_id });
    const attestation = signAttestation(buildAttestationStatement(card_id, plan_digest ?? ""), attestor);
    return {
      workflow_id,
      go: () => repeatUntilAccepted(() => author.attest(card_id, attestation), createStatusCheck("awaiting_approval", author, card_id)),
    };
  },
};

/** Its branch moves between the permit and the claim, so that the Runner refuses. */
export const refused: Act = {
  ...byCard,
  status: "denied",
  code: "ref_moved",
  events: [...APPROVED, "command.issued", "permit.refused", "receipt.refused", "command.closed"],
  async begin(setup, name) {
    const author = setup.registry.as("admin");
    const job = buildPushJob(setup.clone, PROJECT, toBranch(name));
    const { card_id, workflow_id } = await approveCard(setup, job, { risk: "L3" });
    const command = await prepareCommand(author, job, { approval_ref: card_id, risk: "L3" });
    await actByPermit(author, job);
    return {
      workflow_id,
      go: () => repeatUntilAccepted(() => author.issueCommand(command), createStatusCheck("approved", author, card_id)),
    };
  },
};

export const revoked: Act = {
  ...byCard,
  status: "denied",
  code: "permit_revoked",
  events: [...APPROVED, "permit.revoked"],
  async begin(setup, name) {
    const { jti, workflow_id } = await approveCard(setup, buildRegistrationJob(`P.${name}`));
    return { workflow_id, go: async () => requireValue(await setup.registry.as("admin").revokePermit(jti ?? "", "No longer wanted.")) };
  },
};

/** Its command is not issued before the permit expires. */
export const expired: Act = {
  ...byCard,
  status: "expired",
  code: "run_by_passed",
  events: [...APPROVED, "permit.expired"],
  begin: (setup, name) =>
    openUndecidedCard(setup, DEMO_TENANT, buildRegistrationJob(`P.${name}`), "approve", { office_id: QUICK_OFFICE, run: "on_command" }),
};

/** No Runner pulls its command before the permit expires. */
export const neverPulled: Act = {
  tenant: IDLE_TENANT,
  status: "expired",
  code: "run_by_passed",
  events: [...APPROVED, "command.issued", "permit.expired", "command.closed"],
  begin: (setup, name) => openUndecidedCard(setup, IDLE_TENANT, buildRegistrationJob(`P.${name}`), "approve", { office_id: QUICK_OFFICE }),
};

export const pulled: Act = {
  tenant: PULL_TENANT,
  ...success,
  events: REGISTERED,
  begin: (setup, name) => openUndecidedCard(setup, PULL_TENANT, buildRegistrationJob(`P.${name}`), "approve"),
};

export const pushing: Act = {
  ...byCard,
  ...success,
  events: ["permit.issued", "command.issued", "receipt.recorded", "project.activity"],
  async begin({ registry, clone }, name) {
    const author = registry.as("admin");
    const command = await prepareCommand(author, buildPushJob(clone, PROJECT, toBranch(name)));
    return { workflow_id: toActWorkflowId(DEMO_TENANT, command.jti), go: async () => requireValue(await author.issueCommand(command)) };
  },
};
