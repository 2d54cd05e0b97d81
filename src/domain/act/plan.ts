import { z } from "zod";
import { hashCanonical } from "../bytes/canonical.js";
import type { Blake3Hex } from "../bytes/hash.js";
import { personIdSchema } from "../charter/records.js";
import { gitIdSchema } from "../git/git-id.js";
import { PLAN_PUSHED_MAX } from "../git/pushed-commits.js";
import { actProjectIdSchema, blake3Schema, targetSchema, tenantIdSchema } from "../ids.js";
import { LEVELS } from "../level.js";
import { infraSchema } from "./infra-context.js";
import { jobParamsSchema, jobTypeSchema } from "./job.js";

/** The maximum number of commits that a plan lists; `commit_count` is their total number. */
export const PLAN_COMMITS_MAX = 50;

/** The maximum number of paths, and of their UTF-16 units together, that a plan lists. */
export const PLAN_PATHS_MAX = 500;
export const PLAN_PATHS_MAX_UNITS = 32 * 1024;

/** A ref that the act moves. `new` is null if the id depends on the permit's `iat`; `creates` then describes the object. */
const plannedMoveSchema = z.strictObject({ name: z.string(), old: gitIdSchema, new: gitIdSchema.nullable() });

/** An object that the act will create, without the dates that come from the permit. */
const createdObjectSchema = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("commit"), tree: gitIdSchema, author: z.string(), message: z.string() }),
  /** `message` is a template: the card and its approvers are filled in when they are known. */
  z.strictObject({
    kind: z.literal("merge"),
    tree: gitIdSchema,
    parents: z.array(gitIdSchema),
    author: z.string(),
    message: z.string(),
  }),
  z.strictObject({ kind: z.literal("tag"), object: gitIdSchema, tag: z.string(), message: z.string() }),
]);

/**
 * What an act does to the charter: the hashes of the records that it writes, before and after, the persons to whom it gives power and from
 * whom it takes some, and the lowest level at which it can be decided. Source: contracts "Charter".
 */
const plannedChangeSchema = z.strictObject({
  records: z.array(z.strictObject({ record: z.string(), before: blake3Schema.nullable(), after: blake3Schema })),
  gives_power_to: z.array(personIdSchema),
  takes_power_from: z.array(personIdSchema),
  level: z.enum(LEVELS),
});
export type PlannedChange = z.infer<typeof plannedChangeSchema>;

/** What the act will do, and the state that it requires. Source: contracts "Plan and statements". */
const planBasisSchema = z.strictObject({
  tenant_id: tenantIdSchema,
  project_id: actProjectIdSchema,
  job_type: jobTypeSchema,
  target: targetSchema,
  params: jobParamsSchema,
  refs: z.array(plannedMoveSchema),
  creates: z.array(createdObjectSchema),
  policy_hash: blake3Schema,
  /** Without its revision, so that a change of another project voids no approval. */
  infra: infraSchema,
  charter: plannedChangeSchema.optional(),
});

const plannedCommitSchema = z.strictObject({
  id: gitIdSchema.nullable(),
  summary: z.string(),
  author: z.string(),
  author_email: z.string(),
  authored_at_ms: z.number(),
});

/**
 * A plan: its basis, what the policy needs to exclude authors and pushers and to protect paths, and what is merely shown: the commits,
 * their number and the diffstat. Nothing in it depends on the permit.
 */
export const planSchema = z.strictObject({
  basis: planBasisSchema,
  fast_forward: z.boolean().nullable(),
  commit_count: z.int().nonnegative(),
  commits: z.array(plannedCommitSchema).max(PLAN_COMMITS_MAX),
  author_emails: z.array(z.string()),
  /** The act's commits that the repository already has, sorted; null if the act has more than PLAN_PUSHED_MAX. */
  pushed_before: z.array(gitIdSchema).max(PLAN_PUSHED_MAX).nullable(),
  /**
   * The paths that differ on the branch after the act, or between a release and `main`, sorted; null if they are more than a plan lists, not all
   * UTF-8, or unknown.
   */
  changed_paths: z.array(z.string()).max(PLAN_PATHS_MAX).nullable(),
  diffstat: z.strictObject({ files: z.int(), insertions: z.int(), deletions: z.int() }),
});
export type Plan = z.infer<typeof planSchema>;

/** The facts of an act that adds no commits. It has no authors or pushers to exclude from approving it. */
export const NO_COMMITS: Omit<Plan, "basis"> = {
  ...{ fast_forward: null, commit_count: 0, commits: [], author_emails: [], pushed_before: [], changed_paths: [] },
  diffstat: { files: 0, insertions: 0, deletions: 0 },
};

/**
 * Computes the digest that an approval names: the BLAKE3 of the JCS of what the act will do and rests on, without what is merely shown. Source:
 * contracts "Plan and statements".
 */
export function hashPlan({ basis, fast_forward, author_emails, pushed_before, changed_paths }: Plan): Blake3Hex {
  return hashCanonical({ basis, fast_forward, author_emails, pushed_before, changed_paths });
}
