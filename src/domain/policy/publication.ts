import { z } from "zod";
import { blake3Schema, tenantIdSchema, timeMsSchema } from "../ids.js";

/** Says which policy is a tenant's active one, signed by a founding key of the tenant, so that store access alone publishes nothing. */
export const publicationSchema = z.strictObject({
  tenant_id: tenantIdSchema,
  policy_hash: blake3Schema,
  published_at: timeMsSchema,
  kid: z.string().min(1).max(64),
  sig: z.string().min(1).max(200),
});
