import { ZERO_ID } from "../git/git-id.js";
import { toBranchRef } from "../git/ref-name.js";
import { NO_PROJECT } from "../ids.js";
import { hashInfra } from "./infra-context.js";
import type { Plan } from "./plan.js";

/** Stands for every branch and tag of a project, for a plan that rests on which of them exist. */
export const EVERY_REF = "*";

/**
 * One thing that a plan rests on and that another act can change: the id of a ref before the act, the policy, the project's infra context,
 * or a record of the charter. `value` is the id or the hash; empty for a record that does not exist.
 */
export interface PlanGround {
  readonly kind: "ref" | "policy" | "infra" | "record";
  readonly project_id: string;
  readonly name: string;
  readonly value: string;
}

/** Lists what a plan's digest commits to. Source: contracts "Plan and statements". */
export function listPlanGrounds({ basis }: Plan): PlanGround[] {
  const { project_id, job_type, refs, params, policy_hash, infra, charter } = basis;
  const ids = new Map(refs.map(({ name, old }) => [name, old]));
  if (job_type === "git.registry.merge_protected" && "expected_source" in params)
    ids.set(toBranchRef(params.source), params.expected_source);
  // A reset names all refs, so a new one changes it too.
  if (job_type === "git.registry.reset") ids.set(EVERY_REF, ZERO_ID);
  const infraHash = hashInfra(infra);
  return [
    ...[...ids].map(([name, value]): PlanGround => ({ kind: "ref", project_id, name, value })),
    { kind: "policy", project_id: NO_PROJECT, name: "", value: policy_hash },
    ...(infraHash === undefined ? [] : [{ kind: "infra", project_id, name: "", value: infraHash } as const]),
    ...(charter?.records ?? []).map(
      ({ record, before }): PlanGround => ({ kind: "record", project_id: NO_PROJECT, name: record, value: before ?? "" }),
    ),
  ];
}
