import type { z } from "zod";
import { buildJobSchema } from "../act/job.js";
import { intentSchema, riskSchema } from "../card/card.js";
import { contextSchema } from "../context.js";
import { actorIdSchema, cardIdSchema, officeIdSchema, targetSchema, tenantIdSchema } from "../ids.js";

/** The body of POST /v1/policy/permit. Source: ADR-002 §10, contracts "Permit, command, claim, receipt". */
export const permitRequestSchema = buildJobSchema({
  tenant_id: tenantIdSchema,
  actor_id: actorIdSchema,
  /** Optional for an actor who holds only one office, or `office::default`. */
  office_id: officeIdSchema.optional(),
  intent: intentSchema,
  context: contextSchema.default({}),
  target: targetSchema,
  /** The approved card whose permit is requested. */
  approval_ref: cardIdSchema.optional(),
  risk: riskSchema.optional(),
});
export type PermitRequest = z.infer<typeof permitRequestSchema>;
