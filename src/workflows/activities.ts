import { ActivityFailure, TimeoutFailure } from "@temporalio/common";
import { proxyActivities, proxyLocalActivities } from "@temporalio/workflow";
import { computeAttemptMaxMs } from "../domain/act/derive-time.js";
import { PREVIEW_MAX_MS } from "../domain/act/preview-time.js";
import { LAB_512_QUEUE } from "../domain/act/task-queue.js";
import type { ProposedAct } from "../domain/card/card.js";
import { denyWith, type Outcome } from "../domain/denial.js";
import type { Lab256Activities } from "../domain/flow/lab256-steps.js";
import type { Lab512Activities, PlannedAct } from "../domain/flow/lab512-steps.js";

/** Retries a fault, such as an unreachable store, without limit, so that nothing is lost. A denial is a value and is not retried. */
const unlimitedRetries = { initialInterval: "100ms", backoffCoefficient: 2, maximumInterval: "5s" } as const;

/** What Temporal's UI shows of each step. */
const SUMMARIES: Readonly<Record<keyof Lab256Activities, string>> = {
  openCard: "Record the card, and ask the policy whether any plan of it could be allowed",
  decidePlan: "Ask the policy about the plan, and record it",
  voidApprovals: "Record that the round's approvals count no more",
  checkPlan: "Check whether the plan is still that of now",
  admitStatement: "Verify a decision, and record it if it counts",
  admitAttestation: "Verify an attestation, and record it",
  issuePermit: "Judge all recorded decisions again, and sign the permit",
  acceptCommand: "Check the command, and record it",
  permitClaim: "Read whether a Runner has claimed the permit",
  endPermit: "End the unused permit",
  recordAnswer: "Verify the Runner's receipt or refusal, and record it",
  acceptReceipt: "Verify the receipt of a Runner that pulls, and record it",
  acceptRefusal: "Verify the refusal of a Runner that pulls, and record it",
  closeCommand: "Record the end of a command without a receipt",
  closeCard: "Record the end of the card",
  recordCharter: "Record the charter's new entries",
  sweepPermits: "End unused permits, and record acts that no flow recorded",
  closeAbandonedCards: "Withdraw waiting cards whose flow was ended",
  abandonedCommands: "Look for claimed commands whose flow was ended",
  abandonedCommand: "Read a claimed command whose flow was ended",
  headsToAnchor: "Sign the newest heads of the ledger",
  recordAnchored: "Record which heads are anchored",
  enabledWebhooks: "Look for enabled webhooks",
  nextWebhookEvent: "Read the webhook's next event",
  deliverWebhookEvent: "Deliver an event",
  settleWebhookEvent: "Record that an event was delivered or given up",
  telemetryTenants: "Look for tenants with telemetry",
  nextTelemetry: "Collect finished acts for the next append",
};

/** LAB 256's steps. They run in the workflow's process, which saves a round trip. */
export function proxyLab256(
  startToCloseTimeout: "10s" | "20s" | "60s",
  scheduleToCloseTimeout: "60s" | "365 days" = "365 days",
): Lab256Activities {
  const options = { startToCloseTimeout, scheduleToCloseTimeout, retry: unlimitedRetries };
  const steps = Object.entries(SUMMARIES).map(([name, summary]) => {
    const step = proxyLocalActivities<Lab256Activities>({ ...options, summary })[name as keyof Lab256Activities];
    return [name, step] as const;
  });
  return Object.fromEntries(steps) as unknown as Lab256Activities;
}

export const lab256 = proxyLab256("10s");

/** For a flow that another one replaces. */
export const lab256Briefly = proxyLab256("10s", "60s");

/** Each call looks at every tenant. */
export const sweeper = proxyLab256("60s");

/** Two missed heartbeats mean that the Runner is dead. Another one takes over within seconds. */
const runnerOptions = { taskQueue: LAB_512_QUEUE, heartbeatTimeout: "1500ms", retry: unlimitedRetries } as const;

export const planner = proxyActivities<Pick<Lab512Activities, "planAct">>({
  ...runnerOptions,
  startToCloseTimeout: "5m",
  scheduleToCloseTimeout: "24h",
  summary: "Plan on LAB 512: what the act would do (reads only)",
});

/** Plans for a client that waits and repeats the request if there is no answer. */
export const previewer = proxyActivities<Pick<Lab512Activities, "planAct">>({
  ...runnerOptions,
  startToCloseTimeout: PREVIEW_MAX_MS,
  scheduleToCloseTimeout: PREVIEW_MAX_MS,
  summary: "Plan on LAB 512 without a card (reads only)",
});

/** Returns a denial that ends with the sentence `remedy` if no Runner plans the act in time. */
export async function planInTime(by: typeof planner, act: ProposedAct, remedy: string): Promise<Outcome<PlannedAct>> {
  try {
    return await by.planAct(act);
  } catch (error) {
    if (!(error instanceof ActivityFailure) || !(error.cause instanceof TimeoutFailure)) throw error;
    return denyWith(
      "run_time_exceeded",
      `No Runner has planned the act in time: each is busy, or none serves LAB_512, as \`ogr doctor\` tells. ${remedy}`,
    );
  }
}

export const anchorer = proxyActivities<Pick<Lab512Activities, "anchorHeads">>({
  ...runnerOptions,
  startToCloseTimeout: "1m",
  summary: "Anchor the ledger's heads in the object store",
});

export const charterWriter = proxyActivities<Pick<Lab512Activities, "appendCharterEntry">>({
  ...runnerOptions,
  startToCloseTimeout: "5m",
  summary: "Append an entry to the charter on LAB 512",
});

/**
 * Builds the Runner's activities for one command. The command waits for a Runner only while its permit is valid. The Runner itself limits
 * the work after the claim by `max_run_ms`, and the work after the receipt by a limit of its own.
 */
export function proxyRunner(options: { waitMaxMs: number; maxRunMs: number; activityId: string }) {
  return proxyActivities<Pick<Lab512Activities, "runCommand">>({
    ...runnerOptions,
    activityId: options.activityId,
    scheduleToStartTimeout: Math.max(1, options.waitMaxMs),
    startToCloseTimeout: computeAttemptMaxMs(options.maxRunMs),
    summary: "Run on LAB 512: verify, claim, git, receipt",
  });
}
