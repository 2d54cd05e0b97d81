import { z } from "zod";
import {
  archiveParamsSchema,
  initParamsSchema,
  mergeProtectedParamsSchema,
  omitPatch,
  pushParamsSchema,
  resetParamsSchema,
  tagReleaseParamsSchema,
  telemetryAppendParamsSchema,
} from "../act/job.js";
import { hashCanonical } from "../bytes/canonical.js";
import type { Blake3Hex } from "../bytes/hash.js";
import { blake3Schema, jobIdSchema, jtiSchema, officeIdSchema, targetSchema, tenantIdSchema } from "../ids.js";
import { permitSchema } from "./permit.js";

const common = {
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
export const envelopeSchema = z.discriminatedUnion(
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
export type CommandEnvelope = z.infer<typeof envelopeSchema>;

/** The envelope as it travels: a patch that it carried has been staged under `params.subject_hash`. */
export function omitPatchBytes(envelope: CommandEnvelope): CommandEnvelope {
  return { ...envelope, params: omitPatch(envelope.params) } as CommandEnvelope;
}

/** Names one envelope, whether its patch travels inside or is staged: BLAKE3 of JCS of the envelope without `params.patch`. */
export function hashEnvelope(envelope: CommandEnvelope): Blake3Hex {
  return hashCanonical(omitPatchBytes(envelope));
}

/** The first member that envelope and permit share and that differs, or undefined when they agree. */
export function findBindingMismatch(envelope: CommandEnvelope): string | undefined {
  const { permit } = envelope;
  const shared: [string, unknown, unknown][] = [
    ["jti", envelope.jti, permit.jti],
    ["tenant_id", envelope.tenant_id, permit.scopes.tenant_id],
    ["jobType", envelope.jobType, permit.scopes.jobType],
    ["target", envelope.target, permit.scopes.target],
    ["subject_hash", envelope.subject_hash, permit.scopes.subject_hash],
    ["policy_hash", envelope.policy_hash, permit.scopes.policy_hash],
    ["office_id", envelope.office_id, permit.scopes.office_id],
  ];
  return shared.find(([, ours, theirs]) => ours !== theirs)?.[0];
}
