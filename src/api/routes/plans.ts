import { z } from "zod";
import { breakGlassSchema } from "../../domain/act/break-glass.js";
import { mergeProtectedParamsSchema } from "../../domain/act/job.js";
import { planSchema } from "../../domain/act/plan.js";
import { mergeConflictSchema } from "../../domain/git/merge-conflict.js";
import { officeIdSchema, targetSchema, tenantIdSchema } from "../../domain/ids.js";
import { LEVELS } from "../../domain/level.js";
import { reasonSchema, requirementSchema } from "../../domain/policy/policy-contract.js";
import { judgeCardAct } from "../../lab256/permits/permits.js";
import { resolveActingOffice } from "../acts/office.js";
import type { ApiDependencies } from "../dependencies.js";
import { PLAN_REQUEST_EXAMPLE } from "../http/examples.js";
import { answerOk, defineMemberRoute, groupRoutes, type Route } from "../http/route.js";

/** The members of a card request on which the plan depends. */
const planRequestSchema = z.strictObject({
  tenant_id: tenantIdSchema,
  office_id: officeIdSchema,
  jobType: z.literal("git.registry.merge_protected", "Only a merge can be previewed; open a card for any other act."),
  params: mergeProtectedParamsSchema,
  target: targetSchema,
  risk: z.enum(LEVELS, "Write a level from `L0` to `L5`.").optional(),
  break_glass: breakGlassSchema.optional(),
});

const previewSchema = z.object({
  level: z.enum(LEVELS).nullable(),
  reasons: z.array(reasonSchema),
  requires: z.array(requirementSchema),
  plan: planSchema.nullable(),
  plan_digest: z.string().nullable(),
  denial: z.object({ code: z.string(), message: z.string(), conflicts: z.array(mergeConflictSchema).readonly().optional() }).nullable(),
});

/** The plan of an act before it is proposed. Source: contracts "Plan and statements". */
export function buildPlanRoutes(deps: ApiDependencies): readonly Route[] {
  return groupRoutes("cards", [
    defineMemberRoute("POST", "/v1/plans", {
      tenant: "body",
      load: "wait",
      act: "card",
      summary: "Preview the plan of a card",
      detail:
        "Only for merges. The answer has the policy's decision and the plan that a Runner makes now. `denial` says why a card would be denied, with the conflicts of a merge. Nothing is recorded. A Runner has 20 seconds; after that the denial is `run_time_exceeded`.",
      input: { body: planRequestSchema },
      example: PLAN_REQUEST_EXAMPLE,
      answers: { 200: { text: "The preview", schema: previewSchema } },
      async handle({ principal, body }) {
        const office = resolveActingOffice(principal, body.office_id);
        if (!office.ok) return office.problem;
        const requester = { ...principal, member_offices: principal.offices.map(({ office_id }) => office_id) };
        const act = { ...body, project_exists: true };
        const judged = await judgeCardAct(deps.permits, requester, act);
        const nothing = { plan: null, plan_digest: null };
        if (judged.denial !== null) return answerOk({ ...judged, ...nothing });
        const planned = await deps.flows.previewPlan(body);
        if (!planned.ok) return answerOk({ ...judged, ...nothing, denial: planned.denial });
        return answerOk({ ...(await judgeCardAct(deps.permits, requester, { ...act, plan: planned.value.plan })), ...planned.value });
      },
    }),
  ]);
}
