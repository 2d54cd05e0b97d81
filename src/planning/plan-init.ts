import type { InitParams } from "../domain/act/job.js";
import type { Plan } from "../domain/act/plan.js";
import { denyWith, grantValue, type Outcome } from "../domain/denial.js";
import type { Permit } from "../domain/permit/permit.js";
import { toProjectKey } from "../domain/storage-key.js";
import { buildPlan } from "./build-plan.js";
import type { PlanInput, PlanningContext } from "./context.js";

/** Denial: `project_exists`. */
export async function planInit(context: PlanningContext, input: PlanInput<InitParams>): Promise<Outcome<Plan>> {
  const { project_id } = input.params;
  if ((await context.store.blobs.stat(toProjectKey(context.tenant_id, project_id))) !== undefined) return denyExistingProject(project_id);
  return grantValue(buildPlan(context, input, { job_type: "git.registry.init", refs: [] }));
}

export function denyExistingProject(projectId: string) {
  return denyWith("project_exists", `${projectId} is already registered. Choose another id.`);
}

/** Builds the content of `project.json`, which declares the project at its registration. */
export function buildDeclaration(
  tenant_id: string,
  { jti, params, permit }: { readonly jti: string; readonly params: InitParams; readonly permit: Permit },
) {
  return {
    tenant_id,
    project_id: params.project_id,
    name: params.name,
    owners: params.owners,
    visibility: params.visibility,
    registered_at: permit.iat,
    registered_by: permit.scopes.actor_id,
    jti,
  };
}
