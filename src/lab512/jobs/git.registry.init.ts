import { z } from "zod";
import type { InitParams } from "../../domain/act/job.js";
import { grantValue, type Outcome } from "../../domain/denial.js";
import { toProjectKey, toRepoPrefix } from "../../domain/storage-key.js";
import { denyExistingProject } from "../../planning/plan-init.js";
import { settleWrite } from "../../storage/settled-write.js";
import { createRepository } from "../git/create-repository.js";
import type { Effects, ExecuteInput, JobContext, JobHandler } from "./job.js";
import { toStoredJson } from "./stored-json.js";

/** The part of `project.json` that names the registering act. */
const registrationSchema = z.object({ jti: z.string() });

/**
 * Registers a project: creates `project.json`, which decides between concurrent acts, then an empty bare repository (ADR-002 §6, contracts
 * "Jobs of the ADR"). Denial: `project_exists`.
 */
export const initJob: JobHandler<InitParams> = {
  async execute(context, input): Promise<Outcome<Effects>> {
    const { project_id } = input.params;
    const declaration = buildDeclaration(context, input);
    const key = toProjectKey(context.tenant_id, project_id);
    // If an earlier attempt declared the project, it is registered, and this attempt finishes it, however late.
    if ((await findRegistrar(context, key)) !== input.jti) {
      await context.completeStep("looked");
      await context.completeStep("fetched");
      await context.completeStep("checked");
      context.signal.throwIfAborted();
      await settleWrite(
        () => context.store.blobs.create(key, declaration),
        async () => (await context.store.blobs.stat(key)) !== undefined,
      );
      const winner = await findRegistrar(context, key);
      if (winner === undefined) throw new Error(`${key} was created but cannot be read. Check the object store; then try again.`);
      if (winner !== input.jti) return denyExistingProject(project_id);
      context.log(`registered ${project_id}`);
      await context.completeStep("stored");
    }
    const stored = await createRepository(context.store, { tenant_id: context.tenant_id, project_id });
    context.log(`created the bare repository ${toRepoPrefix(context.tenant_id, project_id)}`);
    await context.completeStep("moved");
    return grantValue({
      refs: [],
      commit: null,
      artifacts: [{ project_id, repo: toRepoPrefix(context.tenant_id, project_id) }],
      staged_bytes: 0,
      stored_bytes: declaration.length + stored,
    });
  },
};

/** Finds the act that registered the project. */
async function findRegistrar(context: JobContext, key: string): Promise<string | undefined> {
  const bytes = await context.store.blobs.get(key);
  return bytes === undefined ? undefined : registrationSchema.parse(JSON.parse(Buffer.from(bytes).toString("utf8"))).jti;
}

function buildDeclaration(context: JobContext, { jti, params, permit }: ExecuteInput<InitParams>): Buffer {
  return toStoredJson({
    tenant_id: context.tenant_id,
    project_id: params.project_id,
    name: params.name,
    owners: params.owners,
    visibility: params.visibility,
    registered_at: permit.iat,
    registered_by: permit.scopes.actor_id,
    jti,
  });
}
