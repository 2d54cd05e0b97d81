import { z } from "zod";
import { infraRevisionSchema } from "../act/infra-context.js";
import { toCanonicalText } from "../bytes/canonical.js";
import { actorIdSchema, cardIdSchema, jtiSchema, officeIdSchema, projectIdSchema, tenantIdSchema } from "../ids.js";
import { LEVELS } from "../level.js";
import { RECEIPT_STATUSES } from "../permit/receipt.js";

export const TELEMETRY_SCHEMA_VERSION = "1.0";

/** The maximum length of a line in bytes, including its line feed. Every member is limited, and their sum is far below this. */
export const LINE_MAX_BYTES = 4096;

const countSchema = z.int().nonnegative();

/**
 * One finished act: names, times and counts, but no text that a person wrote. `seq` and `at` are those of the ledger entry that finished
 * it; `refs` counts the refs that it moved. `wall_ms` and the bytes are absent if no Runner claimed it. Source: contracts "Infra registry
 * v2".
 */
export const telemetryLineSchema = z.strictObject({
  schema_version: z.literal(TELEMETRY_SCHEMA_VERSION),
  at: z.iso.datetime({ precision: 3 }),
  seq: z.int().positive(),
  tenant_id: tenantIdSchema,
  project_id: projectIdSchema,
  telemetry_repo: z.string().max(200),
  jti: jtiSchema,
  job_type: z
    .string()
    .regex(/^[a-z]+(?:\.[a-z][a-z_]*)+$/)
    .max(100),
  level: z.enum(LEVELS),
  status: z.enum(RECEIPT_STATUSES),
  code: z
    .string()
    .regex(/^[a-z][a-z_]*$/)
    .max(100)
    .optional(),
  actor_id: actorIdSchema,
  office_id: officeIdSchema,
  card_id: cardIdSchema.optional(),
  refs: countSchema,
  wall_ms: z.number().nonnegative().optional(),
  staged_bytes: countSchema.optional(),
  stored_bytes: countSchema.optional(),
  infra_revision: infraRevisionSchema.optional(),
  break_glass: z.literal(true).optional(),
});
export type TelemetryLine = z.infer<typeof telemetryLineSchema>;

/** Formats a line as it is committed: canonical JSON (RFC 8785), so that one act always has the same bytes. */
export function formatTelemetryLine(line: TelemetryLine): string {
  return `${toCanonicalText(line)}\n`;
}

/** Returns the `<owner>/<repo>` of a tenant's project, in the form that the infra registry uses. */
export function toRepositoryName(tenantId: string, projectId: string): string {
  return `${tenantId}/${projectId}`;
}
