import { z } from "zod";
import { breakGlassSchema } from "../../domain/act/break-glass.js";
import { planSchema } from "../../domain/act/plan.js";
import { attestationEnvelopeSchema } from "../../domain/card/attestation.js";
import { RUN_MODES } from "../../domain/card/card.js";
import { FLOW_STATUSES } from "../../domain/card/flow-status.js";
import { signedStatementSchema } from "../../domain/card/statement.js";
import { mergeConflictSchema } from "../../domain/git/merge-conflict.js";
import { reasonSchema, requirementSchema } from "../../domain/policy/policy-contract.js";
import { PERMIT_STATUSES } from "../../lab256/database/tables/projections.js";
import type { CardAttestationRow, CardDetail, CardItem, CardStatementRow } from "../../lab256/ledger/queries/cards.js";
import type { Urls } from "../http/urls.js";

const missingSchema = z.object({ requirement: requirementSchema, missing: z.number(), text: z.string() });

/** A card in a list. Times in milliseconds since 1970. */
export const cardItemSchema = z.object({
  tenant_id: z.string(),
  card_id: z.string(),
  status: z.enum(FLOW_STATUSES),
  level: z.string().nullable(),
  jobId: z.string(),
  jobType: z.string(),
  project_id: z.string(),
  target: z.string(),
  office_id: z.string(),
  author: z.object({ actor_id: z.string(), person_id: z.string().nullable() }),
  intent: z.string(),
  break_glass: breakGlassSchema.nullable(),
  subject_hash: z.string(),
  run: z.enum(RUN_MODES),
  round: z.number(),
  plan_digest: z.string().nullable(),
  requires: z.array(requirementSchema),
  missing: z.array(missingSchema),
  reasons: z.array(reasonSchema),
  decide_by: z.number().nullable(),
  permit_ttl_ms: z.number().nullable(),
  /** Why the approvals of this round are void; null while they count. */
  void_why: z.string().nullable(),
  run_by: z.number().nullable(),
  jti: z.string().nullable(),
  denial: z.object({ code: z.string(), message: z.string(), conflicts: z.array(mergeConflictSchema).readonly().optional() }).nullable(),
  workflow_id: z.string(),
  temporal_url: z.string().nullable(),
  opened_at: z.number(),
  updated_at: z.number(),
  closed_at: z.number().nullable(),
});

const statementSchema = z.object({
  statement_digest: z.string(),
  decision: z.string(),
  approver: z.string(),
  office_id: z.string(),
  person_id: z.string().nullable(),
  /** Null for a statement that was made before the card had a plan. */
  plan_digest: z.string().nullable(),
  counts: z.boolean(),
  reasons: z.array(reasonSchema),
  /** Why the approval no longer counts. */
  void_why: z.string().nullable(),
  at_ms: z.number(),
  signed: signedStatementSchema,
});

const attestationSchema = z.object({
  attestation_digest: z.string(),
  predicate_type: z.string(),
  plan_digest: z.string(),
  round: z.number(),
  keyid: z.string(),
  /** Why it no longer counts. */
  void_why: z.string().nullable(),
  at_ms: z.number(),
  attestation: attestationEnvelopeSchema,
});

export const cardSchema = cardItemSchema.extend({
  context: z.record(z.string(), z.unknown()),
  params: z.record(z.string(), z.unknown()),
  /** What has become of the permit `jti`; null without one. */
  permit_status: z.enum(PERMIT_STATUSES).nullable(),
  plan: planSchema.nullable(),
  statements: z.array(statementSchema),
  attestations: z.array(attestationSchema),
});

type ItemColumns = Omit<CardItem, "seq">;

/** Shows a card as lists have it: with the ADR's names for the job and the URL of the flow's page. */
export function toCardItemView({ job_id, job_type, ...row }: ItemColumns, urls: Urls): z.infer<typeof cardItemSchema> {
  return { ...omitSeq(row), jobId: job_id, jobType: job_type, temporal_url: urls.buildTemporalUrl(row.workflow_id) };
}

export function toCardDetailView(
  { statements, attestations, context, params, plan, permit_status, card: _, ...row }: CardDetail,
  urls: Urls,
) {
  return {
    ...toCardItemView(row, urls),
    ...{ context, params, permit_status, plan },
    statements: statements.map(toStatementView),
    attestations: attestations.map(toAttestationView),
  };
}

function toStatementView({ tenant_id: _, seq: __, card_id: ___, approval: ____, ...row }: CardStatementRow) {
  return row;
}

function toAttestationView({ tenant_id: _, seq: __, card_id: ___, ...row }: CardAttestationRow) {
  return row;
}

function omitSeq<T extends object>(row: T): Omit<T, "seq"> {
  const { seq: _, ...rest } = row as T & { seq?: number };
  return rest;
}
