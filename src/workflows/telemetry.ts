import { ChildWorkflowFailure, WorkflowExecutionAlreadyStartedError } from "@temporalio/common";
import {
  continueAsNew,
  executeChild,
  isCancellation,
  ParentClosePolicy,
  setCurrentDetails,
  sleep,
  workflowInfo,
} from "@temporalio/workflow";
import { toActWorkflowId } from "../domain/act/workflow-id.js";
import type { NextTelemetry } from "../domain/flow/lab256-steps.js";
import { proxyLab256 } from "./activities.js";
import { officialAct } from "./official-act.js";
import { toSearchAttributes } from "./search-attributes.js";

/** Each iteration adds a few events. The server suggests a new run when a history grows long; this limits a run in case it does not. */
const ITERATIONS_MAX = 500;

/** The pauses before a failed append is retried. The last one repeats. */
const PAUSES_MS = [2_000, 5_000, 15_000, 60_000, 300_000] as const;

/** The pause while an append of an earlier run is in progress. */
const RUNNING_PAUSE_MS = 2_000;

/** Each call reads a page of the ledger and stages a batch. Only faults are retried. */
const steps = proxyLab256("60s");

/** The state that a new run continues with. How far telemetry has been appended is known from the ledger alone. */
interface TelemetryInput {
  readonly tenant_id: string;
  /** The number of consecutive failed appends. */
  readonly failed?: number;
  readonly appended?: number;
}

type Append = Extract<NextTelemetry, { readonly state: "append" }>;

/**
 * Appends every finished act of a tenant to its org's telemetry repository, in the ledger's order and exactly once. Each batch is an
 * official act. A batch that cannot be appended waits in the ledger, and the flow's details give the reason. Source: contracts "Infra
 * registry v2".
 */
export async function telemetry(input: TelemetryInput): Promise<void> {
  const { tenant_id } = input;
  const state = { failed: input.failed ?? 0, round: 0, appended: input.appended ?? 0 };
  const describeProgress = (text: string) => setCurrentDetails(`${text}\n\n${state.appended} lines appended by this flow`);
  const waitForActs = async (passedSeq: number, waitMs: number) => {
    describeProgress(`**idle**: every act up to entry ${passedSeq} of the ledger is appended`);
    if (waitMs > 0) await sleep(waitMs, { summary: "Waits for acts that finish" });
  };
  const waitToRetry = async (why: string) => {
    const pauseMs = PAUSES_MS[Math.min(state.failed, PAUSES_MS.length - 1)] ?? RUNNING_PAUSE_MS;
    state.failed += 1;
    describeProgress(`**waits** (attempt ${state.failed}): ${why}`);
    await sleep(pauseMs, { summary: "Tries again to append telemetry" });
  };
  for (let iterations = 0; iterations < ITERATIONS_MAX && !workflowInfo().continueAsNewSuggested; iterations += 1) {
    const next = await steps.nextTelemetry({ tenant_id, round: state.round });
    if (next.state === "off") return;
    if (next.state === "idle") {
      state.failed = 0;
      await waitForActs(next.passed_seq, next.wait_ms);
    } else if (next.state === "blocked") await waitToRetry(next.problem);
    else if (next.state === "running") await waitForEarlierAppend(next.jti, describeProgress);
    else {
      describeProgress(`**appending** ${next.lines} lines up to entry ${next.to_seq} of the ledger`);
      const { status, why } = await runAppend(next);
      if (status === "appended") {
        Object.assign(state, { failed: 0, round: 0, appended: state.appended + next.lines });
        // Without the pause, a steady stream of acts would create one commit after another, each with the whole file.
        await waitForActs(next.to_seq, next.wait_ms);
        continue;
      }
      // A failed append has used up its permit.
      state.round = status === "over" ? next.round + 1 : next.round;
      await waitToRetry(why);
    }
  }
  const { failed, appended } = state;
  await continueAsNew<typeof telemetry>({ tenant_id, failed, appended });
}

async function waitForEarlierAppend(jti: string, describeProgress: (text: string) => void): Promise<void> {
  describeProgress(`**waits** for the append ${jti} that is under way`);
  await sleep(RUNNING_PAUSE_MS, { summary: "Waits for an append that is under way" });
}

/** The result of an append. `elsewhere`: another run has started the same append. */
interface AppendResult {
  readonly status: "appended" | "over" | "elsewhere";
  readonly why: string;
}

/** Runs one append as its own official act. */
async function runAppend({ envelope, actor_id, lines }: Append): Promise<AppendResult> {
  const { tenant_id, jti, jobId, jobType, params, permit } = envelope;
  const attributes = { tenant: tenant_id, project: params.project_id, jobType, level: permit.scopes.level, status: "running" };
  try {
    const { status, denial } = await executeChild(officialAct, {
      workflowId: toActWorkflowId(tenant_id, jti),
      args: [{ kind: "command", envelope, actor_id }],
      workflowIdReusePolicy: "REJECT_DUPLICATE",
      parentClosePolicy: ParentClosePolicy.ABANDON,
      typedSearchAttributes: toSearchAttributes(attributes),
      memo: { jobId },
      staticSummary: `Append ${lines} lines of telemetry to ${params.project_id}`,
      staticDetails: `Command ${jobId} by ${actor_id} as ${envelope.office_id}, level ${permit.scopes.level}`,
      priority: { fairnessKey: tenant_id },
    });
    if (status === "success") return { status: "appended", why: "" };
    return { status: "over", why: `\`${denial?.code ?? status}\`: ${denial?.message ?? "the append did not succeed."}` };
  } catch (error) {
    if (isCancellation(error)) throw error;
    if (error instanceof WorkflowExecutionAlreadyStartedError) return { status: "elsewhere", why: `the append ${jti} was begun before.` };
    if (error instanceof ChildWorkflowFailure) return { status: "over", why: `the act ${jti} was ended from outside.` };
    throw error;
  }
}
