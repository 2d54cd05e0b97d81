import type { GitJobType, ParamsOf } from "../domain/act/job.js";
import type { Plan } from "../domain/act/plan.js";
import { denyWith, type Outcome } from "../domain/denial.js";
import { GitFault } from "../repository/git-fault.js";
import type { PlanFunction, PlanInput, PlanningContext } from "./context.js";
import { planMerge } from "./merge/plan-merge.js";
import { planArchive } from "./plan-archive.js";
import { planInit } from "./plan-init.js";
import { planReset } from "./plan-reset.js";
import { planTagRelease } from "./plan-tag-release.js";
import { planPush } from "./push/plan-push.js";
import { planTelemetryAppend } from "./telemetry/plan-telemetry-append.js";

const PLANS: { readonly [T in GitJobType]: PlanFunction<ParamsOf<T>> } = {
  "git.registry.init": planInit,
  "git.registry.push": planPush,
  "git.registry.tag_release": planTagRelease,
  "git.registry.merge_protected": planMerge,
  "git.registry.reset": planReset,
  "git.registry.telemetry_append": planTelemetryAppend,
  "git.registry.archive": planArchive,
};

/**
 * Plans a job within `limits.planMaxMs`. A plan that takes longer is denied with `limit_exceeded`, because a retry would take as long and
 * each one occupies a Runner.
 */
export async function planJob<T extends GitJobType>(
  context: Omit<PlanningContext, "signal">,
  jobType: T,
  input: PlanInput<ParamsOf<T>>,
): Promise<Outcome<Plan>> {
  const { planMaxMs } = context.limits;
  const signal = AbortSignal.timeout(planMaxMs);
  try {
    return await PLANS[jobType]({ ...context, signal }, input);
  } catch (error) {
    const stopped = error === signal.reason || (error instanceof GitFault && error.code === "aborted");
    if (!signal.aborted || !stopped) throw error;
    return denyWith("limit_exceeded", `The plan was not finished within ${planMaxMs} ms; split the work into several smaller steps.`);
  }
}
