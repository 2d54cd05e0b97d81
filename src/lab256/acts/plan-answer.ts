import { z } from "zod";
import { omitPatch } from "../../domain/act/job.js";
import { hashPlan, planSchema } from "../../domain/act/plan.js";
import { hashCanonical } from "../../domain/bytes/canonical.js";
import type { Card } from "../../domain/card/card.js";
import { denyWith, grantValue, type Outcome } from "../../domain/denial.js";
import type { PlannedAct } from "../../domain/flow/lab512-steps.js";
import { blake3Schema } from "../../domain/ids.js";
import { formatProblems, parseWith } from "../../domain/problems.js";

const plannedSchema = z.strictObject({ plan: planSchema, plan_digest: blake3Schema });

/**
 * Checks that the Runner's answer is a plan, has the digest that it states, and is for this card. Anyone who reaches the task queue can
 * have sent it, and approvers decide on what it shows. Denial: `answer_invalid`.
 */
export function checkPlanAnswer(card: Card, planned: unknown): Outcome<PlannedAct> {
  const parsed = parseWith(plannedSchema, planned);
  if (!parsed.ok) return denyPlanAnswer(`is malformed: ${formatProblems(parsed.problems)}`);
  const { plan, plan_digest } = parsed.value;
  const digest = hashPlan(plan);
  if (digest !== plan_digest) return denyPlanAnswer(`states the digest ${plan_digest} but has ${digest}.`);
  const { tenant_id, project_id, job_type, target, params } = plan.basis;
  const { jobType, params: asked } = card;
  const expected = { tenant_id: card.tenant_id, project_id: asked.project_id, job_type: jobType, target: card.target };
  const found = { tenant_id, project_id, job_type, target };
  const differs = Object.entries(expected).find(([name, value]) => found[name as keyof typeof found] !== value)?.[0];
  if (differs !== undefined) return denyPlanAnswer(`differs from the card in \`${differs}\`.`);
  if (hashCanonical(params) !== hashCanonical(omitPatch(asked))) return denyPlanAnswer("differs from the card in `params`.");
  return grantValue(parsed.value);
}

function denyPlanAnswer(what: string) {
  return denyWith("answer_invalid", `The plan that LAB_512 returned ${what} Check which workers poll that queue; then open a new card.`);
}
