import type { TelemetryAppendParams } from "../../domain/act/job.js";
import type { Plan } from "../../domain/act/plan.js";
import { grantValue, type Outcome } from "../../domain/denial.js";
import { REGISTRY_IDENTITY } from "../../domain/git/registry-identity.js";
import { readTreeId } from "../../repository/history/read-tree-id.js";
import { PLANNED } from "../../repository/objects/making.js";
import { buildPlan } from "../build-plan.js";
import type { PlanInput, PlanningContext } from "../context.js";
import { runOnProject } from "../open-project.js";
import { fetchBatch, prepareAppend, TELEMETRY_REF } from "./append-change.js";

/**
 * Denials: `telemetry_invalid`, `telemetry_misrouted`, `telemetry_conflict`, `project_unknown`, those of the staged bytes,
 * `limit_exceeded`.
 */
export function planTelemetryAppend(context: PlanningContext, input: PlanInput<TelemetryAppendParams>): Promise<Outcome<Plan>> {
  const { params } = input;
  return runOnProject(context, params.project_id, async (repository) => {
    const batch = await fetchBatch(context, repository, params);
    if (!batch.ok) return batch;
    const change = await prepareAppend(context, repository, params, batch.value, PLANNED);
    if (!change.ok) return change;
    const job_type = "git.registry.telemetry_append";
    if (change.value.kind === "present") return grantValue(buildPlan(context, input, { job_type, refs: [] }));
    const { old, tip, message } = change.value;
    const author = `${REGISTRY_IDENTITY.name} <${REGISTRY_IDENTITY.email}>`;
    const creates: Plan["basis"]["creates"] = [{ kind: "commit", tree: await readTreeId(repository, tip), author, message }];
    const refs = [{ name: TELEMETRY_REF, old, new: null }];
    return grantValue(buildPlan(context, input, { job_type, refs, creates }, { fast_forward: true, commit_count: 1 }));
  });
}
