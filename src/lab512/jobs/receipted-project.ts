import { toActRef } from "../../domain/git/ref-name.js";
import { runOnProject } from "../../planning/open-project.js";
import type { OpenRepository } from "../../repository/open-repository.js";
import type { JobContext } from "./job.js";

/**
 * Like `runOnProject`, for objects that are derived from the receipt of the act `jti`. Uses the remembered refs if they include the act.
 *
 * @throws if the project no longer exists.
 */
export async function runOnReceiptedProject(
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
