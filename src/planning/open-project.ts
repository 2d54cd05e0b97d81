import { denyWith, type Outcome } from "../domain/denial.js";
import type { OpenRepository } from "../repository/open-repository.js";
import type { RefsState } from "../repository/refs/refs-state.js";
import type { PlanningContext } from "./context.js";

/**
 * Opens a project's repository, runs `work` on it and always closes it. `recall` is passed to `Repositories.open`. Denial:
 * `project_unknown`.
 */
export async function runOnProject<T>(
  context: PlanningContext,
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
