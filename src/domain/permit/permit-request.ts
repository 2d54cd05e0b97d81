import { z } from "zod";
import {
  archiveParamsSchema,
  initParamsSchema,
  mergeProtectedParamsSchema,
  pushParamsSchema,
  resetParamsSchema,
  tagReleaseParamsSchema,
  telemetryAppendParamsSchema,
} from "../act/job.js";
import { cardSchema } from "../card/card.js";
import { actorIdSchema, cardIdSchema, officeIdSchema, targetSchema, tenantIdSchema } from "../ids.js";

const common = {
  tenant_id: tenantIdSchema,
  actor_id: actorIdSchema,
  /** Left out by an actor who holds one office, or `office::default`. */
  office_id: officeIdSchema.optional(),
  intent: cardSchema.shape.intent,
  context: cardSchema.shape.context,
  target: targetSchema,
  /** The approved card whose permit is asked for. */
  approval_ref: cardIdSchema.optional(),
  risk: cardSchema.shape.risk,
};

/** The body of POST /v1/policy/permit. Source: ADR-002 §10, contracts "Permit, command, claim, receipt". */
export const permitRequestSchema = z.discriminatedUnion(
  "jobType",
  [
    z.strictObject({ ...common, jobType: z.literal("git.registry.init"), params: initParamsSchema }),
    z.strictObject({ ...common, jobType: z.literal("git.registry.push"), params: pushParamsSchema }),
    z.strictObject({ ...common, jobType: z.literal("git.registry.tag_release"), params: tagReleaseParamsSchema }),
    z.strictObject({ ...common, jobType: z.literal("git.registry.merge_protected"), params: mergeProtectedParamsSchema }),
    z.strictObject({ ...common, jobType: z.literal("git.registry.reset"), params: resetParamsSchema }),
    z.strictObject({ ...common, jobType: z.literal("git.registry.telemetry_append"), params: telemetryAppendParamsSchema }),
    z.strictObject({ ...common, jobType: z.literal("git.registry.archive"), params: archiveParamsSchema }),
  ],
  "This job type is not known.",
);
export type PermitRequest = z.infer<typeof permitRequestSchema>;
