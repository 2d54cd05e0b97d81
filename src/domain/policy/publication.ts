import { z } from "zod";
import { blake3Schema, tenantIdSchema, timeMsSchema } from "../ids.js";

/** Names a tenant's active policy. A founding key signs it, so that write access to the store alone publishes nothing. */
export const publicationSchema = z.strictObject({
  tenant_id: tenantIdSchema,
  policy_hash: blake3Schema,
  published_at: timeMsSchema,
  kid: z.string().min(1).max(64),
  sig: z.string().min(1).max(200),
});
