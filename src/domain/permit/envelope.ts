import type { z } from "zod";
import { buildJobSchema, omitPatchBytes } from "../act/job.js";
import { hashCanonical } from "../bytes/canonical.js";
import type { Blake3Hex } from "../bytes/hash.js";
import { blake3Schema, jobIdSchema, jtiSchema, officeIdSchema, targetSchema, tenantIdSchema } from "../ids.js";
import { permitSchema } from "./permit.js";

const shape = {
  jti: jtiSchema,
  tenant_id: tenantIdSchema,
  jobId: jobIdSchema,
  subject_hash: blake3Schema,
  policy_hash: blake3Schema,
  permit: permitSchema,
  target: targetSchema,
  office_id: officeIdSchema,
};

/** A command with the permit that allows it. Source: ADR-002 §8. */
export const envelopeSchema = buildJobSchema(shape);
export type CommandEnvelope = z.infer<typeof envelopeSchema>;

/** Identifies one envelope, whether its patch is inline or staged: the BLAKE3 of the JCS of the envelope without `params.patch`. */
export function hashEnvelope(envelope: CommandEnvelope): Blake3Hex {
  return hashCanonical(omitPatchBytes(envelope));
}
