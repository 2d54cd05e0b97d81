import { z } from "zod";
import type { InitParams } from "../../domain/act/job.js";
import { grantValue, type Outcome } from "../../domain/denial.js";
import { toActRef } from "../../domain/git/ref-name.js";
import { parseJsonBytes } from "../../domain/json.js";
import { toProjectKey, toProjectNameKey, toRepoPrefix } from "../../domain/storage-key.js";
import { buildDeclaration, denyExistingProject, findProjectOfName } from "../../planning/plan-init.js";
import { readRefs } from "../../repository/refs/refs-state.js";
import { createBlob } from "../../storage/settled-write.js";
import { createRepositoryFiles, registerRepository } from "../git/repository-records.js";
import type { Effects, JobContext, JobHandler } from "./job.js";
import { toStoredJson } from "./stored-json.js";

/** The part of `project.json` that names the registering act. */
const registrationSchema = z.object({ jti: z.string() });

/**
 * Registers a project: creates an empty bare repository, whose refs decide between concurrent acts, then `project.json` (ADR-002 §6,
 * contracts "Jobs of the ADR"). Denial: `project_exists`.
 */
export const initJob: JobHandler<InitParams> = {
  async execute(context, input): Promise<Outcome<Effects>> {
    const { project_id } = input.params;
    const name = { tenant_id: context.tenant_id, project_id };
    const declaration = toStoredJson(buildDeclaration(context.tenant_id, input));
    const key = toProjectKey(context.tenant_id, project_id);
    const before = await readRefs(context.store, name);
    // The record of this act may have been removed since, but its declaration stays.
    const isDone = before?.refs.has(toActRef(input.jti)) === true || (await findRegistrar(context, key)) === input.jti;
    if (!isDone) {
      await context.completeStep("looked");
      if (before !== undefined) return denyExistingProject(project_id);
      await context.completeStep("fetched");
      await context.completeStep("checked");
    }
    const holder = await holdProjectName(context, project_id);
    if (holder !== project_id) return denyExistingProject(holder);
    const filesBytes = await createRepositoryFiles(context.store, name);
    if (!isDone) {
      await context.completeStep("stored");
      context.signal.throwIfAborted();
      if (!(await registerRepository(context.store, name, input.jti))) return denyExistingProject(project_id);
      context.log(`registered ${project_id} with the bare repository ${toRepoPrefix(context.tenant_id, project_id)}`);
    }
    await context.completeStep("moved");
    await createBlob(context.store, key, declaration);
    return grantValue({
      refs: [],
      previous_act: null,
      commit: null,
      artifacts: [{ project_id, repo: toRepoPrefix(context.tenant_id, project_id) }],
      staged_bytes: 0,
      stored_bytes: declaration.length + filesBytes,
    });
  },
};

/** Returns the project that has this id in any spelling: this one, unless another has it already. */
async function holdProjectName({ store, tenant_id }: JobContext, project_id: string): Promise<string> {
  await createBlob(store, toProjectNameKey(tenant_id, project_id), toStoredJson({ project_id }));
  return (await findProjectOfName(store, tenant_id, project_id)) ?? project_id;
}

/** Finds the act that registered the project. */
async function findRegistrar(context: JobContext, key: string): Promise<string | undefined> {
  const bytes = await context.store.blobs.get(key);
  return bytes === undefined ? undefined : registrationSchema.parse(parseJsonBytes(bytes)).jti;
}
