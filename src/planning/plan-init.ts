import { z } from "zod";
import type { InitParams } from "../domain/act/job.js";
import type { Plan } from "../domain/act/plan.js";
import { denyWith, grantValue, type Outcome } from "../domain/denial.js";
import { projectIdSchema } from "../domain/ids.js";
import { parseJsonBytes } from "../domain/json.js";
import type { Permit } from "../domain/permit/permit.js";
import { toProjectKey, toProjectNameKey } from "../domain/storage-key.js";
import type { ObjectStore } from "../storage/ports.js";
import { buildPlan } from "./build-plan.js";
import type { PlanInput, PlanningContext } from "./context.js";

/** What holds a project's id: no other id that differs only in case can be registered. */
const nameSchema = z.strictObject({ project_id: projectIdSchema });

/** Finds the project that has this id in any spelling. */
export async function findProjectOfName({ blobs }: ObjectStore, tenant: string, projectId: string): Promise<string | undefined> {
  const bytes = await blobs.get(toProjectNameKey(tenant, projectId));
  return bytes === undefined ? undefined : nameSchema.parse(parseJsonBytes(bytes)).project_id;
}

/** Denial: `project_exists`. */
export async function planInit(context: PlanningContext, input: PlanInput<InitParams>): Promise<Outcome<Plan>> {
  const { project_id } = input.params;
  if ((await context.store.blobs.stat(toProjectKey(context.tenant_id, project_id))) !== undefined) return denyExistingProject(project_id);
  const holder = (await findProjectOfName(context.store, context.tenant_id, project_id)) ?? project_id;
  if (holder !== project_id) return denyExistingProject(holder);
  return grantValue(buildPlan(context, input, { job_type: "git.registry.init", refs: [] }));
}

export function denyExistingProject(projectId: string) {
  return denyWith("project_exists", `${projectId} is already registered. Choose another id, which differs in more than case.`);
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
