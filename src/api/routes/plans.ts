import { z } from "zod";
import { mergeProtectedParamsSchema } from "../../domain/act/job.js";
import { planSchema } from "../../domain/act/plan.js";
import { mergeConflictSchema } from "../../domain/git/merge-conflict.js";
import { officeIdSchema, targetSchema, tenantIdSchema } from "../../domain/ids.js";
import { LEVELS } from "../../domain/level.js";
import { reasonSchema, requirementSchema } from "../../domain/policy/policy-contract.js";
import { resolveActingOffice } from "../acts/office.js";
import type { ApiDependencies } from "../dependencies.js";
import { PLAN_REQUEST_EXAMPLE } from "../http/examples.js";
import { answerOk, defineGuardedRoute, type Route } from "../http/route.js";

/** What a card would be opened with, as far as its plan depends on it. */
const planRequestSchema = z.strictObject({
  tenant_id: tenantIdSchema,
  office_id: officeIdSchema,
  jobType: z.literal("git.registry.merge_protected", "Only a merge is planned without a card; open a card for any other act."),
  params: mergeProtectedParamsSchema,
  target: targetSchema,
  risk: z.enum(LEVELS, "Write a level from `L0` to `L5`.").optional(),
});

const previewSchema = z.object({
  level: z.enum(LEVELS).nullable(),
  reasons: z.array(reasonSchema),
  requires: z.array(requirementSchema),
  plan: planSchema.nullable(),
  plan_digest: z.string().nullable(),
  denial: z.object({ code: z.string(), message: z.string(), conflicts: z.array(mergeConflictSchema).readonly().optional() }).nullable(),
});

/** What an act would do, before anybody proposes it. Source: contracts "Plan and statements". */
export function buildPlanRoutes(deps: ApiDependencies): readonly Route[] {
  return [
    defineGuardedRoute({
      method: "POST",
      url: "/v1/plans",
      access: "member",
      tenant: "body",
      load: "wait",
      act: "card",
      group: "cards",
      summary: "The plan that a card would have, without a card",
      detail:
        "For merges. What the policy says and what a Runner plans now, with the conflicts if there are any; `denial` is why a card would be denied. Nothing is recorded.",
      input: { body: planRequestSchema },
      example: PLAN_REQUEST_EXAMPLE,
      answers: { 200: { text: "What the card would say", schema: previewSchema } },
      problems: [],
      async handle({ principal, body }) {
        const office = resolveActingOffice(principal, body.office_id);
        if (!office.ok) return office.problem;
        const judged = await deps.permits.judge(
          { ...principal, member_offices: principal.offices.map(({ office_id }) => office_id) },
          { ...body, project_exists: true },
        );
        const { level, reasons, requires } = judged;
        const nothing = { level, reasons, requires, plan: null, plan_digest: null };
        if (judged.denial !== null) return answerOk({ ...nothing, denial: judged.denial });
        const planned = await deps.flows.previewPlan(body);
        return answerOk(planned.ok ? { ...nothing, ...planned.value, denial: null } : { ...nothing, denial: planned.denial });
      },
    }),
  ];
}
