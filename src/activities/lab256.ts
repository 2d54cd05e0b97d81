import type { Lab256Activities } from "../domain/flow/lab256-steps.js";
import { closeAbandonedCards } from "../lab256/acts/abandoned-cards.js";
import { listAbandonedCommands, readAbandonedCommand } from "../lab256/acts/abandoned-commands.js";
import { acceptAnswer, recordAnswer } from "../lab256/acts/answers.js";
import { admitAttestation } from "../lab256/acts/attestations.js";
import { checkPlan, closeCard, decidePlan, openCard, voidApprovals } from "../lab256/acts/cards.js";
import { recordCharter } from "../lab256/acts/charters.js";
import { acceptCommand, closeCommand, issuePermit, readClaimState } from "../lab256/acts/commands.js";
import type { Lab256Dependencies } from "../lab256/acts/dependencies.js";
import { recordAnchors, signUnanchoredHeads, sweepPermits } from "../lab256/acts/housekeeping.js";
import { admitStatement } from "../lab256/acts/statements.js";
import { endPermit } from "../lab256/permits/end-permit.js";
import { listTelemetryTenants, prepareNextTelemetry } from "../lab256/telemetry/telemetry-steps.js";
import { settleDelivery } from "../lab256/webhooks/deliveries.js";
import { deliverWebhookEvent, findNextWebhookEvent } from "../lab256/webhooks/webhook-steps.js";
import { listEnabledWebhooks } from "../lab256/webhooks/webhooks.js";

/** Binds LAB 256's services to their dependencies, under the names that workflows call. */
export function createLab256Activities(deps: Lab256Dependencies): Lab256Activities {
  const activities: Lab256Activities = {
    openCard: (input) => openCard(deps, input),
    decidePlan: (input) => decidePlan(deps, input),
    voidApprovals: (input) => voidApprovals(deps, input),
    checkPlan: (input) => checkPlan(deps, input),
    closeCard: (input) => closeCard(deps, input),
    admitStatement: (input) => admitStatement(deps, input),
    admitAttestation: (input) => admitAttestation(deps, input),
    issuePermit: (input) => issuePermit(deps, input),
    acceptCommand: (input) => acceptCommand(deps, input),
    permitClaim: (input) => readClaimState(deps, input),
    endPermit: (input) => endPermit(deps, { ...input, by: "LAB_256" }),
    closeCommand: (input) => closeCommand(deps, input),
    recordAnswer: (input) => recordAnswer(deps, input),
    acceptReceipt: ({ receipt, ...command }) => acceptAnswer(deps, { ...command, answer: { kind: "receipt", receipt } }),
    acceptRefusal: ({ refusal, ...command }) => acceptAnswer(deps, { ...command, answer: { kind: "refusal", refusal } }),
    recordCharter: ({ tenant_id }) => recordCharter(deps, tenant_id),
    sweepPermits: () => sweepPermits(deps),
    closeAbandonedCards: () => closeAbandonedCards(deps),
    abandonedCommands: () => listAbandonedCommands(deps),
    abandonedCommand: (ref) => readAbandonedCommand(deps, ref),
    headsToAnchor: () => signUnanchoredHeads(deps),
    recordAnchored: (heads) => recordAnchors(deps, heads),
    enabledWebhooks: () => listEnabledWebhooks(deps.db),
    nextWebhookEvent: (input) => findNextWebhookEvent(deps, input),
    deliverWebhookEvent: (input) => deliverWebhookEvent(deps, input),
    settleWebhookEvent: ({ seq, dead, ...ref }) =>
      settleDelivery(deps.db, ref, seq, dead === null ? null : { reason: dead, at_ms: deps.now() }),
    telemetryTenants: () => listTelemetryTenants(deps),
    nextTelemetry: (input) => prepareNextTelemetry(deps, input),
  };
  return deps.onStep === undefined ? activities : observeSteps(activities, deps.onStep);
}

/** Calls `onStep` before each activity begins, and after its work but before its result is reported. */
function observeSteps(activities: Lab256Activities, onStep: NonNullable<Lab256Dependencies["onStep"]>): Lab256Activities {
  const entries = (Object.keys(activities) as (keyof Lab256Activities)[]).map((name) => [
    name,
    async (...args: unknown[]) => {
      await onStep(`before ${name}`);
      const result: unknown = await Reflect.apply(activities[name], activities, args);
      await onStep(`after ${name}`);
      return result;
    },
  ]);
  return Object.fromEntries(entries) as Lab256Activities;
}
