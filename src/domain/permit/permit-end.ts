import { z } from "zod";
import { jtiSchema, tenantIdSchema, timeMsSchema } from "../ids.js";
import { formatProblems, parseWith } from "../problems.js";

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

/** @throws Error for an end of `jti` that is malformed. */
export function parsePermitEnd(bytes: Uint8Array, jti: string): PermitEnd {
  const parsed = parseWith(permitEndSchema, JSON.parse(Buffer.from(bytes).toString("utf8")));
  if (parsed.ok) return parsed.value;
  throw new Error(`The end of permit ${jti} is malformed (${formatProblems(parsed.problems)}); restore the object from a backup.`);
}
