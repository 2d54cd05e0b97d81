import { z } from "zod";
import { blake3Schema, tenantIdSchema, timeMsSchema } from "../ids.js";

/** The newest entry of a chain, signed by LAB 256. Its anchor in the object store reveals a database restored from an old backup. */
export const signedHeadSchema = z.strictObject({
  container: z.string().min(1).max(200),
  tenant_id: tenantIdSchema,
  seq: z.int().positive(),
  hash: blake3Schema,
  at_ms: timeMsSchema,
  kid: z.string().min(1).max(64),
  sig: z.string().min(1).max(200),
});
export type SignedHead = z.infer<typeof signedHeadSchema>;
