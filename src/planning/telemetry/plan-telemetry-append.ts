import type { TelemetryAppendParams } from "../../domain/act/job.js";
import type { Plan } from "../../domain/act/plan.js";
import { grantValue, type Outcome } from "../../domain/denial.js";
import { NO_DIFF } from "../../repository/history/history.js";
import { readTreeId } from "../../repository/history/read-tree-id.js";
import type { OpenRepository } from "../../repository/open-repository.js";
import { REGISTRY_IDENTITY } from "../../repository/registry-identity.js";
import type { PlanInput, PlanningContext } from "../context.js";
import { runOnProject } from "../open-project.js";
import { type AppendChange, fetchBatch, prepareAppend, TELEMETRY_REF } from "./append-change.js";

/**
 * Denials: `telemetry_invalid`, `telemetry_misrouted`, `telemetry_conflict`, `project_unknown`, those of the staged bytes,
 * `limit_exceeded`.
 */
export function planTelemetryAppend(context: PlanningContext, input: PlanInput<TelemetryAppendParams>): Promise<Outcome<Plan>> {
  const { params } = input;
  return runOnProject(context, params.project_id, async (repository) => {
    const batch = await fetchBatch(context, repository, params);
    if (!batch.ok) return batch;
    // The plan has no id and no date that depends on the permit's `iat`, so any instant does.
    const change = await prepareAppend(context, repository, params, batch.value, 0);
    if (!change.ok) return change;
    return grantValue(await buildAppendPlan(context, repository, input, change.value));
  });
}

async function buildAppendPlan(
  context: PlanningContext,
  repository: OpenRepository,
  { params, target, policy_hash, infra }: PlanInput<TelemetryAppendParams>,
  change: AppendChange,
): Promise<Plan> {
  const isAppend = change.kind === "append";
  const author = `${REGISTRY_IDENTITY.name} <${REGISTRY_IDENTITY.email}>`;
  return {
    basis: {
      tenant_id: context.tenant_id,
      project_id: params.project_id,
      job_type: "git.registry.telemetry_append",
      target,
      params,
      refs: isAppend ? [{ name: TELEMETRY_REF, old: change.old, new: null }] : [],
      creates: isAppend ? [{ kind: "commit", tree: await readTreeId(repository, change.tip), author, message: change.message }] : [],
      policy_hash,
      infra,
    },
    fast_forward: isAppend ? true : null,
    commit_count: isAppend ? 1 : 0,
    commits: [],
    author_emails: [],
    pushed_before: [],
    diffstat: NO_DIFF,
  };
}
