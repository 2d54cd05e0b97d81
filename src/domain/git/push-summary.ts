import { z } from "zod";
import { hashBlake3Hex } from "../bytes/hash.js";
import { charterVersionsShape } from "../charter/versions.js";
import { jtiSchema, projectIdSchema, tenantIdSchema } from "../ids.js";
import { pushReceiptSchema } from "./push-receipt.js";

/**
 * What the receipts of a project say about pushed commits, from the act after `previous` (null: from the registration) up to `jti`, oldest
 * first. Signed by a receipt key that is valid in the versions of the charters that it names. It is derived from receipts, so that not every one must be read again.
 */
export const pushSummarySchema = z.strictObject({
  tenant_id: tenantIdSchema,
  project_id: projectIdSchema,
  jti: jtiSchema,
  previous: jtiSchema.nullable(),
  pushes: z.array(pushReceiptSchema),
  ...charterVersionsShape,
  kid: z.string().min(1).max(64),
  sig: z.string().min(1).max(200),
});
export type PushSummary = z.infer<typeof pushSummarySchema>;

/** One of this number of acts ends a summary, on average. */
const ACTS_PER_SUMMARY = 64;

/** Returns whether a summary ends with the act `jti`. Every Runner finds the same for an act, without knowing how many acts there are. */
export function endsSummary(jti: string): boolean {
  return Number.parseInt(hashBlake3Hex(Buffer.from(jti, "utf8")).slice(0, 8), 16) % ACTS_PER_SUMMARY === 0;
}
