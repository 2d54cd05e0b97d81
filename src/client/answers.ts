import { z } from "zod";
import { FLOW_STATUSES } from "../domain/flow-status.js";
import { LEVELS } from "../domain/level.js";
import { permitSchema } from "../domain/permit.js";
import { reasonSchema } from "../domain/policy-contract.js";
import { receiptSchema } from "../domain/receipt.js";
import { DECISIONS, statementSchema } from "../domain/statement.js";

/**
 * What the api answers, as far as this client depends on it. Members that it does not know are kept: a newer registry may say more.
 * Times are in milliseconds since 1970.
 */

const denialSchema = z.looseObject({ code: z.string(), message: z.string() });
const status = z.enum(FLOW_STATUSES);

export const whoamiSchema = z.looseObject({ tenant_id: z.string(), actor_id: z.string() });

export const directPermitSchema = z.looseObject({
  allowed: z.literal(true),
  level: z.enum(LEVELS),
  reasons: z.array(reasonSchema),
  permit: permitSchema,
  subject_hash: z.string(),
  policy_hash: z.string(),
});

export const issuedSchema = z.looseObject({ ok: z.literal(true), jobId: z.string(), workflow_id: z.string(), status_url: z.string() });

export const commandSchema = z.looseObject({
  jti: z.string(),
  jobId: z.string().nullable(),
  status,
  workflow_id: z.string(),
  temporal_url: z.string().nullish(),
  denial: denialSchema.nullish(),
  receipt: receiptSchema.nullish(),
});
export type CommandAnswer = z.infer<typeof commandSchema>;

const plannedCommitSchema = z.looseObject({ id: z.string().nullable(), summary: z.string(), author: z.string() });

/** A plan as it is shown; what an approval binds is its digest. */
const planSchema = z.looseObject({
  basis: z.looseObject({ refs: z.array(z.looseObject({ name: z.string(), old: z.string(), new: z.string().nullable() })) }),
  fast_forward: z.boolean().nullable(),
  commit_count: z.number(),
  commits: z.array(plannedCommitSchema),
  diffstat: z.looseObject({ files: z.number(), insertions: z.number(), deletions: z.number() }),
});

const cardStatementSchema = z.looseObject({
  decision: z.enum(DECISIONS),
  approver: z.string(),
  office_id: z.string(),
  counts: z.boolean(),
});

const cardAttestationSchema = z.looseObject({ predicate_type: z.string(), keyid: z.string(), void_why: z.string().nullable() });

export const cardSchema = z.looseObject({
  card_id: z.string(),
  status,
  level: z.enum(LEVELS).nullable(),
  jobType: z.string(),
  project_id: z.string(),
  intent: z.string(),
  author: z.looseObject({ actor_id: z.string() }),
  plan: planSchema.nullish(),
  plan_digest: z.string().nullable(),
  reasons: z.array(reasonSchema),
  missing: z.array(z.looseObject({ text: z.string() })),
  statements: z.array(cardStatementSchema).optional(),
  attestations: z.array(cardAttestationSchema).optional(),
  decide_by: z.number().nullable(),
  run_by: z.number().nullable(),
  jti: z.string().nullable(),
  denial: denialSchema.nullable(),
  workflow_id: z.string(),
  temporal_url: z.string().nullish(),
});
export type CardAnswer = z.infer<typeof cardSchema>;
export const cardsSchema = z.array(cardSchema);

export const preparedSchema = z.looseObject({
  statement: statementSchema,
  step_up: z.looseObject({ challenge: z.string(), rpId: z.string().optional() }).nullable(),
});

export const verdictSchema = z.looseObject({ accepted: z.boolean(), denial: denialSchema.nullable(), state: z.looseObject({ status }) });

const projectSchema = z.looseObject({
  id: z.string(),
  name: z.string(),
  owners: z.array(z.string()),
  visibility: z.string(),
  repo_url: z.string().nullable(),
  last_activity: z.number(),
});
export const projectsSchema = z.array(projectSchema);
export type ProjectAnswer = z.infer<typeof projectSchema>;

export const projectDetailSchema = projectSchema.extend({
  refs: z.array(z.looseObject({ name: z.string(), object_id: z.string() })),
  releases: z.array(z.looseObject({ tag: z.string(), commit: z.string(), notes_hash: z.string() })),
  activity: z.array(z.looseObject({ action: z.string(), actor: z.string(), ref: z.string(), commit: z.string() })),
});
export type ProjectDetail = z.infer<typeof projectDetailSchema>;

export const passkeysSchema = z.array(z.looseObject({ credential_id: z.string(), disabled: z.boolean() }));
export const registrationOptionsSchema = z.looseObject({ challenge: z.string(), rp: z.looseObject({ name: z.string() }) });

export const ledgerSchema = z.looseObject({
  ok: z.boolean(),
  container: z.string(),
  entries: z.number(),
  anchors_checked: z.number(),
});

export const endedSchema = z.looseObject({ ended: z.literal(true) });
export const anySchema = z.unknown();
export { jwksSchema } from "../domain/jwks.js";
export { receiptSchema };
