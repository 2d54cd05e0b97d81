import { z } from "zod";
import { breakGlassSchema } from "../domain/act/break-glass.js";
import { publicJwkSchema } from "../domain/bytes/jwks.js";
import { FLOW_STATUSES } from "../domain/card/flow-status.js";
import { STATEMENT_DECISIONS, statementSchema } from "../domain/card/statement.js";
import { charterEntrySchema } from "../domain/charter/entry.js";
import { foundingEntrySchema, operatorSchema } from "../domain/charter/founding.js";
import { actorsSchema as charterActorsSchema, passkeySchema, personsSchema, webhooksSchema } from "../domain/charter/records.js";
import { recoverySchema } from "../domain/charter/recovery.js";
import { blake3Schema } from "../domain/ids.js";
import { LEVELS } from "../domain/level.js";
import { allowanceSchema } from "../domain/permit/allowlist.js";
import { permitSchema } from "../domain/permit/permit.js";
import { receiptSchema } from "../domain/permit/receipt.js";
import { reasonSchema } from "../domain/policy/policy-contract.js";

/**
 * The api's answers, as far as this client depends on them. Unknown members are kept: a newer registry may send more. Times are in
 * milliseconds since 1970.
 */

const conflictSchema = z.looseObject({ path: z.string(), kind: z.string(), explanation: z.string(), hunks: z.array(z.string()) });
const denialSchema = z.looseObject({ code: z.string(), message: z.string(), conflicts: z.array(conflictSchema).optional() });
const status = z.enum(FLOW_STATUSES);

const membershipSchema = z.looseObject({ office_id: z.string(), roles: z.array(z.string()) });

export const whoamiSchema = z.looseObject({
  tenant_id: z.string(),
  actor_id: z.string(),
  offices: z.array(membershipSchema).default([]),
});

export const directPermitSchema = z.looseObject({
  allowed: z.literal(true),
  level: z.enum(LEVELS),
  reasons: z.array(reasonSchema),
  permit: permitSchema,
  subject_hash: z.string(),
  policy_hash: z.string(),
});
export type PermitAnswer = z.infer<typeof directPermitSchema>;

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

/** A command in a list: without its receipt. */
export const commandItemSchema = commandSchema.extend({
  jobType: z.string().nullable(),
  project_id: z.string().nullable(),
  actor_id: z.string().nullable(),
  issued_at: z.number().nullable(),
});
export const commandsSchema = z.array(commandItemSchema);

export const permitStateSchema = z.looseObject({
  jti: z.string(),
  status: z.string(),
  permit: permitSchema,
  card_id: z.string().nullable(),
  actor_id: z.string(),
  intent: z.string(),
  exp: z.number(),
  end_reason: z.string().nullable(),
});
export type PermitStateAnswer = z.infer<typeof permitStateSchema>;

const plannedCommitSchema = z.looseObject({ id: z.string().nullable(), summary: z.string(), author: z.string() });

/** What an act does to the charter. */
const plannedChangeSchema = z.looseObject({
  records: z.array(z.looseObject({ record: z.string(), before: z.string().nullable() })),
  gives_power_to: z.array(z.string()),
  takes_power_from: z.array(z.string()),
});
export type ChangeAnswer = z.infer<typeof plannedChangeSchema>;

/** The records that an act writes. */
const changeParamsSchema = z.looseObject({
  persons: personsSchema.optional(),
  actors: charterActorsSchema.optional(),
  webhooks: webhooksSchema.optional(),
  recovery: recoverySchema.nullable().optional(),
  policy_hash: z.string().optional(),
  rules: z.string().optional(),
  add: z.array(z.looseObject({ use: z.string(), jwk: z.looseObject({ kid: z.string() }) })).optional(),
  revoke: z.array(z.string()).optional(),
  tenant_id: z.string().optional(),
  founding_jwk: z.looseObject({ x: z.string() }).optional(),
  allowance: allowanceSchema.optional(),
  entry: foundingEntrySchema.optional(),
});
export type ChangeParamsAnswer = z.infer<typeof changeParamsSchema>;

/** A plan for display. An approval binds its digest. */
const planSchema = z.looseObject({
  basis: z.looseObject({
    refs: z.array(z.looseObject({ name: z.string(), old: z.string(), new: z.string().nullable() })),
    params: changeParamsSchema.optional(),
    creates: z.array(z.looseObject({ kind: z.string(), author: z.string().optional(), message: z.string() })).default([]),
    charter: plannedChangeSchema.optional(),
  }),
  fast_forward: z.boolean().nullable(),
  commit_count: z.number(),
  commits: z.array(plannedCommitSchema),
  diffstat: z.looseObject({ files: z.number(), insertions: z.number(), deletions: z.number() }),
});

const cardStatementSchema = z.looseObject({
  decision: z.enum(STATEMENT_DECISIONS),
  approver: z.string(),
  office_id: z.string(),
  counts: z.boolean(),
  /** Why it no longer counts. */
  void_why: z.string().nullish(),
});

const cardAttestationSchema = z.looseObject({ predicate_type: z.string(), keyid: z.string(), void_why: z.string().nullable() });

export const cardSchema = z.looseObject({
  card_id: z.string(),
  status,
  level: z.enum(LEVELS).nullable(),
  jobType: z.string(),
  project_id: z.string(),
  intent: z.string(),
  break_glass: breakGlassSchema.nullish(),
  author: z.looseObject({ actor_id: z.string() }),
  office_id: z.string(),
  params: z.record(z.string(), z.unknown()).optional(),
  context: z.record(z.string(), z.unknown()).optional(),
  run: z.string().optional(),
  plan: planSchema.nullish(),
  plan_digest: z.string().nullable(),
  round: z.number(),
  /** Why the approvals of this round are void. */
  void_why: z.string().nullish(),
  reasons: z.array(reasonSchema),
  missing: z.array(z.looseObject({ text: z.string(), requirement: z.looseObject({ kind: z.string() }).optional() })),
  statements: z.array(cardStatementSchema).optional(),
  attestations: z.array(cardAttestationSchema).optional(),
  decide_by: z.number().nullable(),
  run_by: z.number().nullable(),
  jti: z.string().nullable(),
  /** What has become of the permit `jti`. */
  permit_status: z.string().nullish(),
  denial: denialSchema.nullable(),
  workflow_id: z.string(),
  temporal_url: z.string().nullish(),
});
export type CardAnswer = z.infer<typeof cardSchema>;
export const cardsSchema = z.array(cardSchema);

/** The preview of a card. */
export const previewSchema = z.looseObject({
  level: z.enum(LEVELS).nullable(),
  reasons: z.array(reasonSchema),
  plan: planSchema.nullable(),
  plan_digest: z.string().nullable(),
  denial: denialSchema.nullable(),
});
export type PreviewAnswer = z.infer<typeof previewSchema>;

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
  archived: z.boolean(),
});
export const projectsSchema = z.array(projectSchema);

export const refsSchema = z.array(z.looseObject({ name: z.string(), object_id: z.string() }));
export type RefAnswer = z.infer<typeof refsSchema>[number];

const detailSchema = projectSchema.extend({
  refs_digest: z.string(),
  releases: z.array(z.looseObject({ tag: z.string(), commit: z.string(), notes_hash: z.string() })),
  activity: z.array(
    z.looseObject({ action: z.string(), actor: z.string(), ref: z.string(), commit: z.string(), break_glass: breakGlassSchema.nullish() }),
  ),
});
/** Without the refs, of which the api's answer may omit some; `listRefs` has all of them. */
export const projectDetailSchema = detailSchema.transform(({ refs: _, refs_cut: __, ...project }) => project);
export type ProjectDetail = z.infer<typeof projectDetailSchema>;

export const infraContextSchema = z.looseObject({
  source: z.string(),
  revision: z.string().nullable(),
  org: z.string(),
  repo: z.string(),
  state: z.string(),
  context: z.string().nullable(),
  telemetry_repo: z.string().nullable(),
  is_registry: z.boolean(),
});

export const appendedEntrySchema = z.looseObject({ version: z.number(), entry_hash: z.string() });
export const registeredPasskeySchema = z.looseObject({
  credential_id: z.string(),
  fingerprint: z.string(),
  record: passkeySchema,
  counts: z.boolean(),
});
export type RegisteredPasskey = z.infer<typeof registeredPasskeySchema>;
export const passkeysSchema = z.array(registeredPasskeySchema.extend({ disabled: z.boolean() }));
export const registrationOptionsSchema = z.looseObject({ challenge: z.string(), rp: z.looseObject({ name: z.string() }) });

export const charterSchema = z.looseObject({
  version: z.int(),
  sealed: z.boolean(),
  founding_jwk: publicJwkSchema,
  operator: operatorSchema.nullable(),
  policy_hash: blake3Schema,
  recovery: z.looseObject({ waiting: z.looseObject({ jobType: z.string(), completable_at_ms: z.number() }).nullable() }).nullish(),
});
export const policySchema = z.looseObject({ policy_hash: blake3Schema, wasm: z.base64() });
export const charterEntriesSchema = z.array(charterEntrySchema);

export const ledgerSchema = z.looseObject({
  ok: z.boolean(),
  container: z.string(),
  entries: z.number(),
  anchors_checked: z.number(),
});

export const ledgerEntrySchema = z.strictObject({
  container: z.string(),
  tenant_id: z.string(),
  seq: z.int().positive(),
  type: z.string(),
  key: z.string(),
  at_ms: z.int(),
  payload: z.unknown(),
  prev_hash: z.string(),
  hash: z.string(),
});
export const ledgerEntriesSchema = z.array(ledgerEntrySchema);
export type LedgerEntryAnswer = z.infer<typeof ledgerEntrySchema>;

export const tenantSchema = z.looseObject({
  tenant_id: z.string(),
  transport: z.string(),
  created_at: z.number(),
  policy_hash: z.string().nullable(),
  ledger: z.looseObject({ container: z.string(), entries: z.number(), head: z.string() }),
});
export type TenantAnswer = z.infer<typeof tenantSchema>;

const officeSchema = z.looseObject({
  office_id: z.string(),
  holders: z.number(),
  policy: z
    .looseObject({
      allowed_actions: z.array(z.string()),
      targets: z.array(z.string()),
      risk_ceiling: z.string(),
      ttl_default_ms: z.number(),
    })
    .nullable(),
});
export const officesSchema = z.array(officeSchema);

const actorSchema = z.looseObject({
  actor_id: z.string(),
  display_name: z.string(),
  person_id: z.string().nullable(),
  disabled: z.boolean(),
  offices: z.array(membershipSchema),
});
export const actorsSchema = z.array(actorSchema);

/** The registry's health, for an operator. */
export const healthSchema = z.looseObject({
  pollers: z.array(z.looseObject({ task_queue: z.string(), pollers: z.number() })).nullish(),
  clock_skew_ms: z.number().nullish(),
  warnings: z.array(z.string()).default([]),
});
export const openApiSchema = z.looseObject({ info: z.looseObject({ version: z.string() }) });

export const endedSchema = z.looseObject({ ended: z.literal(true) });
export const anySchema = z.unknown();
