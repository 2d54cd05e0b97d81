import { z } from "zod";
import { jtiSchema, tenantIdSchema, timeMsSchema } from "../ids.js";

/**
 * The object `ends/<tenant>/<jti>`, created once, by which LAB 256 ends a permit. A Runner reads it after its claim and before any ref moves,
 * so that either the act or its end happens. Source: contracts "Then the claim".
 */
export const permitEndSchema = z.strictObject({
  tenant_id: tenantIdSchema,
  jti: jtiSchema,
  end: z.enum(["revoked", "expired", "refused"]),
  reason: z.string(),
  ended_at: timeMsSchema,
});
export type PermitEnd = z.infer<typeof permitEndSchema>;
