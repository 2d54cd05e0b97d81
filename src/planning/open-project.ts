import { denyWith, type Outcome } from "../domain/denial.js";
import { toActRef } from "../domain/git/ref-name.js";
import type { OpenRepository } from "../repository/open-repository.js";
import type { RefsState } from "../repository/refs/refs-state.js";
import type { JobContext } from "./job.js";

/** Runs `work` on a project's repository and closes it, whatever happens; `recall` as Repositories.open takes it. Denial: `project_unknown`. */
export async function runOnProject<T>(
  context: JobContext,
  projectId: string,
  work: (repository: OpenRepository) => Promise<Outcome<T>>,
  recall?: (remembered: RefsState) => boolean,
): Promise<Outcome<T>> {
  const name = { tenant_id: context.tenant_id, project_id: projectId };
  const repository = await context.repositories.open(context.store, name, context.signal, recall);
  if (repository === undefined)
    return denyWith("project_unknown", `${projectId} is not a project of ${context.tenant_id}; register it first.`);
  try {
    return await work(repository);
  } finally {
    await repository.close();
  }
}

/** As onProject, for what follows from the receipt of the act `jti`: a project that is gone is a fault then. */
export async function runOnKnownProject(
  context: JobContext,
  projectId: string,
  jti: string,
  work: (repository: OpenRepository) => Promise<void>,
): Promise<void> {
  const derive = async (repository: OpenRepository) => {
    await work(repository);
    return { ok: true, value: undefined } as const;
  };
  const done = await runOnProject(context, projectId, derive, (remembered) => remembered.refs.has(toActRef(jti)));
  if (!done.ok) throw new Error(`${done.denial.message} It has a receipt, so its repository was lost: restore it from a copy.`);
}
