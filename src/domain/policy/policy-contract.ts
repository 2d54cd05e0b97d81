import { z } from "zod";
import { infraSchema } from "../act/infra-context.js";
import { PLAN_PATHS_MAX } from "../act/plan.js";
import { ACTOR_KINDS } from "../ids.js";
import { LEVELS } from "../level.js";

/** The maximum length of a string in the policy's input, in UTF-16 units. Only `params` may contain longer ones. */
const nameSchema = z.string().max(1024, "At most 1024 characters.");
const namesSchema = z.array(nameSchema).max(1000, "At most 1000 entries.");
/** The maximum length of a path, as the Runner takes it, in UTF-16 units. */
const PATH_MAX_UNITS = 4096;
const levelSchema = z.enum(LEVELS, "Write a level from `L0` to `L5`.");

/** The acting actor. `person_id` is the person who is responsible for it, null for the registry's own services. */
const actorSchema = z.strictObject({
  actor_id: nameSchema,
  kind: z.enum(ACTOR_KINDS, "Write `person`, `agent` or `app`."),
  person_id: nameSchema.nullable(),
});

/** The known facts about the repository. Null: not read yet; the Runner checks it before it acts. */
const factsSchema = z.strictObject({
  force: z.boolean(),
  deletes: z.boolean(),
  fast_forward: z.boolean().nullable(),
  project_exists: z.boolean().nullable(),
  /** The paths that the act changes on a branch, or releases beside those of `main`. */
  changed_paths: z.array(z.string().max(PATH_MAX_UNITS)).max(PLAN_PATHS_MAX).nullable(),
  /** The lowest level at which a change of the charter can be decided. Absent for other acts, and before the change is planned. */
  charter_level: levelSchema.optional(),
});

/**
 * The policy's input about an act: entrypoint `registry/act`. `params` are the job's without `patch`; `member_offices` are the
 * offices that the actor holds in this tenant. Source: ADR-002 §9, contracts "Levels".
 */
export const actInputSchema = z.strictObject({
  tenant_id: nameSchema,
  job_type: nameSchema,
  target: nameSchema,
  risk: levelSchema.optional(),
  /** Whether the card declares the act an emergency. */
  break_glass: z.boolean(),
  has_card: z.boolean(),
  actor: actorSchema,
  office_id: nameSchema,
  member_offices: namesSchema,
  params: z.record(z.string(), z.unknown()),
  facts: factsSchema,
  infra: infraSchema,
});
export type ActInput = z.infer<typeof actInputSchema>;

/** A reason of a decision: a stable rule id (`branch.feature`) and a sentence. */
export const reasonSchema = z.strictObject({
  rule: z.string().min(1),
  text: z.string().min(1),
});
export type Reason = z.infer<typeof reasonSchema>;

/** The maximum number of approvals that a policy can ask for. A decision that asks for more is malformed, which denies the act. */
export const APPROVALS_MAX = 100;

const EXCLUSIONS = ["author", "pusher", "commit_author"] as const;

/**
 * A requirement of an allowed act. `approvals` counts distinct persons; `roles` says how many of them must hold each role, and a person
 * fills only one of these places. `excludes` lists the persons whose approval does not count; the entrypoint `registry/statement` decides
 * which statements count.
 */
export const requirementSchema = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("card") }),
  z.strictObject({
    kind: z.literal("approvals"),
    count: z.int().min(1).max(APPROVALS_MAX),
    roles: z.record(z.string().min(1), z.int().min(1).max(APPROVALS_MAX)),
    step_up: z.boolean(),
    excludes: z.array(z.enum(EXCLUSIONS)),
  }),
  z.strictObject({
    kind: z.literal("attestation"),
    predicate_type: z.string().min(1),
  }),
]);
export type Requirement = z.infer<typeof requirementSchema>;

/**
 * The policy's decision about an act. If `allowed`, it may run once everything in `requires` is met. Otherwise no approval can help:
 * `reasons` lists every reason for the denial, `requires` is empty and the times are 0. Times are in milliseconds.
 */
export const decisionSchema = z.discriminatedUnion("allowed", [
  z.strictObject({
    allowed: z.literal(true),
    level: levelSchema,
    reasons: z.array(reasonSchema).min(1),
    requires: z.array(requirementSchema),
    permit_ttl_ms: z.int().positive(),
    decide_within_ms: z.int().positive(),
    max_run_ms: z.int().positive(),
  }),
  z.strictObject({
    allowed: z.literal(false),
    level: levelSchema.nullable(),
    reasons: z.array(reasonSchema).min(1),
    requires: z.array(requirementSchema).max(0),
    permit_ttl_ms: z.literal(0),
    decide_within_ms: z.literal(0),
    max_run_ms: z.literal(0),
  }),
]);
export type Decision = z.infer<typeof decisionSchema>;

/**
 * The policy's input about a statement: entrypoint `registry/statement`. `level` is that of the card's act, `office_id` the office in
 * which the approver acts. Source: contracts "Levels", "Plan and statements".
 */
export const statementInputSchema = z.strictObject({
  tenant_id: nameSchema,
  job_type: nameSchema,
  level: levelSchema,
  decision: z.enum(["approve", "reject", "withdraw"], "Write `approve`, `reject` or `withdraw`."),
  step_up: z.boolean(),
  actor: actorSchema,
  office_id: nameSchema,
  member_offices: namesSchema,
  roles: namesSchema,
  card: z.strictObject({
    author_person_id: nameSchema.nullable(),
    pusher_person_ids: namesSchema,
    commit_author_person_ids: namesSchema,
    break_glass: z.boolean(),
    /** Whether the act needs nobody besides its maker: one person alone can approve, or takes an own passkey away. */
    solo: z.boolean(),
  }),
});
export type StatementInput = z.infer<typeof statementInputSchema>;

/** Whether a statement counts towards its card's requirements, and why. */
export const admissionSchema = z.strictObject({
  counts: z.boolean(),
  reasons: z.array(reasonSchema).min(1),
});
export type StatementAdmission = z.infer<typeof admissionSchema>;
