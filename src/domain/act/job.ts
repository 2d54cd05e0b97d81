import { z } from "zod";
import { hashCanonical } from "../bytes/canonical.js";
import { type Blake3Hex, hashBlake3Hex } from "../bytes/hash.js";
import { type CharterChange, type CharterJobType, charterJobParams, isCharterJobType } from "../charter/change.js";
import { describeRecovery } from "../charter/recovery.js";
import { gitIdSchema, ZERO_ID } from "../git/git-id.js";
import { branchNameSchema } from "../git/ref-name.js";
import { releaseTagSchema } from "../git/release-tag.js";
import { actorIdSchema, blake3Schema, officeIdSchema, projectIdSchema } from "../ids.js";
import { buildLineSchema, buildNameSchema, findTextProblem } from "../text.js";

export const VISIBILITIES = ["private", "internal", "public"] as const;

/** The maximum size of a patch inside a command, in decoded bytes. A larger one is staged under its BLAKE3. */
export const INLINE_PATCH_MAX_BYTES = 1024 * 1024;

const NOTES_MAX_BYTES = 256 * 1024;

export const TELEMETRY_BATCH_MAX_LINES = 10_000;

/** Standard base64 of at most INLINE_PATCH_MAX_BYTES bytes (RFC 4648 §4). */
const patchSchema = z
  .base64("Write the patch in standard base64 (RFC 4648 §4).")
  .min(1, "Omit `patch` if the bytes are staged.")
  .max(Math.ceil(INLINE_PATCH_MAX_BYTES / 3) * 4, "A patch above 1 MiB must be staged first: PUT /v1/staging/{blake3}, then omit `patch`.");

/** Source: contracts "Jobs of the ADR". */
export const initParamsSchema = z.strictObject({
  project_id: projectIdSchema,
  name: buildNameSchema("The name", 100),
  owners: z
    .array(z.union([actorIdSchema, officeIdSchema], "Write an actor id or an office id."))
    .min(1, "A project has at least one owner.")
    .max(64, "A project has at most 64 owners.")
    .refine((owners) => new Set(owners).size === owners.length, "Write each owner once."),
  visibility: z.enum(VISIBILITIES, "Write `private`, `internal` or `public`."),
});
export type InitParams = z.infer<typeof initParamsSchema>;

/** Each command pushes one branch. Without `patch`, the bytes are staged under `subject_hash`; with `delete`, there are none. */
export const pushParamsSchema = z
  .strictObject({
    project_id: projectIdSchema,
    branch: branchNameSchema,
    expected_old: gitIdSchema,
    patch: patchSchema.optional(),
    commit_summary: buildLineSchema("The commit summary", 500),
    subject_hash: blake3Schema,
    force: z.boolean().optional(),
    delete: z.boolean().optional(),
  })
  .refine((params) => !(params.delete && params.patch !== undefined), { path: ["patch"], message: "Deleting a branch allows no patch." });
export type PushParams = z.infer<typeof pushParamsSchema>;

export const tagReleaseParamsSchema = z.strictObject({
  project_id: projectIdSchema,
  tag: releaseTagSchema,
  commit: gitIdSchema,
  notes: z
    .string()
    .refine((notes) => Buffer.byteLength(notes) <= NOTES_MAX_BYTES, "The notes may have at most 256 KiB.")
    .superRefine((notes, context) => {
      const problem = findTextProblem(notes, "text");
      if (problem !== undefined) context.addIssue({ code: "custom", message: `The notes ${problem}.` });
    }),
});
export type TagReleaseParams = z.infer<typeof tagReleaseParamsSchema>;

/**
 * How a merge adds the source to the target: moves the target, joins both with a commit of two parents, or adds one commit with one
 * parent.
 */
export const MERGE_STRATEGIES = ["fast-forward", "merge", "squash"] as const;
export type MergeStrategy = (typeof MERGE_STRATEGIES)[number];

/**
 * Branches are named without `refs/heads/`. An `expected_target` of zeros creates the target. Without one, the plan pins where the target is.
 * Source: contracts "Jobs of the ADR".
 */
export const mergeProtectedParamsSchema = z
  .strictObject({
    project_id: projectIdSchema,
    source: branchNameSchema,
    target: branchNameSchema,
    expected_source: gitIdSchema.refine(
      (id) => id !== ZERO_ID,
      "The source must be an existing branch; write the commit that it points to.",
    ),
    expected_target: gitIdSchema.optional(),
    strategy: z.enum(MERGE_STRATEGIES, "Write `fast-forward`, `merge` or `squash`."),
  })
  .refine((params) => params.source !== params.target, { path: ["source"], message: "A branch cannot be merged into itself." });
export type MergeProtectedParams = z.infer<typeof mergeProtectedParamsSchema>;

/** A merge into a target that is known, from its params or from its plan. */
export type PinnedMergeParams = MergeProtectedParams & { readonly expected_target: string };

/**
 * `project_id` is the tenant's telemetry repository. The lines are staged under `subject_hash`. They describe the ledger's entries after
 * `from_seq` (the last one that the repository has, 0 for none) up to `to_seq`, the entry of the last line. Source: contracts "Infra
 * registry v2".
 */
export const telemetryAppendParamsSchema = z
  .strictObject({
    project_id: projectIdSchema,
    from_seq: z.int().nonnegative(),
    to_seq: z.int().positive(),
    lines: z.int().positive().max(TELEMETRY_BATCH_MAX_LINES),
    subject_hash: blake3Schema,
  })
  .refine((params) => params.to_seq > params.from_seq, { path: ["to_seq"], message: "`to_seq` must be above `from_seq`." });
export type TelemetryAppendParams = z.infer<typeof telemetryAppendParamsSchema>;

/** `expected_refs` is the digest of all branches and tags that are deleted. Source: contracts "Infra registry v2". */
export const resetParamsSchema = z.strictObject({ project_id: projectIdSchema, expected_refs: blake3Schema });
export type ResetParams = z.infer<typeof resetParamsSchema>;

/** `archived: false` restores an archived project. */
export const archiveParamsSchema = z.strictObject({
  project_id: projectIdSchema,
  archived: z.boolean(),
  reason: buildLineSchema("The reason", 500),
});
export type ArchiveParams = z.infer<typeof archiveParamsSchema>;

/** What the policy needs to know about a job's params before it decides on a level. */
interface JobFacts {
  /** Rewrites a branch. */
  readonly force: boolean;
  /** Removes a branch. */
  readonly deletes: boolean;
}

interface JobDefinition<P> {
  readonly params: z.ZodType<P>;
  /** Describes the act in one line, for lists of flows. */
  summarize(params: P): string;
  /** If absent, the job neither forces nor deletes. */
  findFacts?(params: P): JobFacts;
}

const defineJob = <P>(job: JobDefinition<P>) => job;

/**
 * The jobs that this registry runs (ADR-002 §6), with the properties of each. What it does to a repository is defined by its handler on
 * LAB 512, and its level by the policy.
 */
const JOBS = {
  "git.registry.init": defineJob({
    params: initParamsSchema,
    summarize: ({ project_id, visibility }) => `Register ${project_id} (${visibility})`,
  }),
  "git.registry.push": defineJob({
    params: pushParamsSchema,
    summarize: (params) => `${params.delete ? "Delete" : params.force ? "Force-push" : "Push"} ${params.project_id} ${params.branch}`,
    findFacts: (params) => ({ force: params.force === true, deletes: params.delete === true }),
  }),
  "git.registry.tag_release": defineJob({
    params: tagReleaseParamsSchema,
    summarize: ({ project_id, tag }) => `Release ${project_id} ${tag}`,
  }),
  "git.registry.merge_protected": defineJob({
    params: mergeProtectedParamsSchema,
    summarize: ({ project_id, source, target }) => `Merge ${project_id} ${source} into ${target}`,
  }),
  "git.registry.reset": defineJob({
    params: resetParamsSchema,
    summarize: ({ project_id }) => `Reset ${project_id}`,
  }),
  "git.registry.telemetry_append": defineJob({
    params: telemetryAppendParamsSchema,
    summarize: ({ project_id, lines }) => `Append ${lines} lines of telemetry to ${project_id}`,
  }),
  "git.registry.archive": defineJob({
    params: archiveParamsSchema,
    summarize: ({ project_id, archived }) => `${archived ? "Archive" : "Unarchive"} ${project_id}`,
  }),
  "registry.policy.publish": defineJob({
    params: charterJobParams["registry.policy.publish"],
    summarize: ({ policy_hash }) => `Publish the policy ${policy_hash}`,
  }),
  "registry.keys.rotate": defineJob({
    params: charterJobParams["registry.keys.rotate"],
    summarize: ({ add, revoke, recovery }) => {
      const summary = `Add ${add.length} and revoke ${revoke.length} keys`;
      return recovery === undefined ? summary : `${summary}; recovery by ${describeRecovery(recovery)}`.slice(0, 500);
    },
  }),
  "registry.members.change": defineJob({
    params: charterJobParams["registry.members.change"],
    summarize: ({ persons, actors }) => `Change ${[...Object.keys(persons), ...Object.keys(actors)].join(", ")}`.slice(0, 500),
  }),
  "registry.webhooks.change": defineJob({
    params: charterJobParams["registry.webhooks.change"],
    summarize: ({ webhooks }) => `Change ${Object.keys(webhooks).join(", ")}`.slice(0, 500),
  }),
  "registry.charter.seal": defineJob({
    params: charterJobParams["registry.charter.seal"],
    summarize: () => "Seal the charter",
  }),
  "registry.tenant.found": defineJob({
    params: charterJobParams["registry.tenant.found"],
    summarize: ({ tenant_id, entry }) =>
      entry === undefined ? `Change what Runners may do for ${tenant_id}` : `Found the tenant ${tenant_id}`,
  }),
};

export type JobType = keyof typeof JOBS;
/** The jobs that act on a project's repository. */
export type GitJobType = Exclude<JobType, CharterJobType>;
export const JOB_TYPES = Object.keys(JOBS) as readonly JobType[];

/** The params of one job type. */
export type ParamsOf<T extends JobType> = z.infer<(typeof JOBS)[T]["params"]>;

/** A job with its params: the union of all types, or of those that `T` names. */
export type Job<T extends JobType = JobType> = { [K in T]: { readonly jobType: K; readonly params: ParamsOf<K> } }[T];
export type JobParams = Job["params"];

const definitions: { readonly [T in JobType]: JobDefinition<ParamsOf<T>> } = JOBS;

/** Builds the schema of an object that names a job: the members of `shape`, `jobType`, and the params of that type. */
export function buildJobSchema<S extends z.ZodRawShape>(shape: S) {
  const buildMember = <T extends JobType>(jobType: T) =>
    z.strictObject({ ...shape, jobType: z.literal(jobType), params: definitions[jobType].params });
  return z.discriminatedUnion(
    "jobType",
    [
      buildMember("git.registry.init"),
      buildMember("git.registry.push"),
      buildMember("git.registry.tag_release"),
      buildMember("git.registry.merge_protected"),
      buildMember("git.registry.reset"),
      buildMember("git.registry.telemetry_append"),
      buildMember("git.registry.archive"),
      buildMember("registry.policy.publish"),
      buildMember("registry.keys.rotate"),
      buildMember("registry.members.change"),
      buildMember("registry.webhooks.change"),
      buildMember("registry.charter.seal"),
      buildMember("registry.tenant.found"),
    ],
    "This job type is not known.",
  );
}

export const jobSchema = buildJobSchema({});
export const jobTypeSchema = z.enum(JOB_TYPES, "This job type is not known.");
export const jobParamsSchema = z.union(JOB_TYPES.map((jobType) => JOBS[jobType].params));

export function summarizeJob<T extends JobType>({ jobType, params }: Job<T>): string {
  return definitions[jobType].summarize(params);
}

export function isCharterJob(job: Job): job is Job<CharterJobType> {
  return isCharterJobType(job.jobType);
}

/** Returns the change of the charter that a job makes. */
export function toCharterChange({ jobType, params }: Job<CharterJobType>): CharterChange {
  const { project_id: _, ...change } = params;
  return { jobType, params: change } as CharterChange;
}

export function findJobFacts<T extends JobType>({ jobType, params }: Job<T>): JobFacts {
  return definitions[jobType].findFacts?.(params) ?? { force: false, deletes: false };
}

/** Returns the params without their patch, in the form that Temporal, the ledger and the plan contain. */
export function omitPatch<P extends JobParams>(params: P): Omit<P, "patch"> {
  const { patch: _, ...rest } = params as P & { patch?: string };
  return rest;
}

/** Returns a job, or an object that extends one, without the patch in its params. */
export function omitPatchBytes<J extends Job>(job: J): J {
  return job.jobType === "git.registry.push" ? { ...job, params: omitPatch(job.params) } : job;
}

/**
 * Computes the hash that permit and envelope bind: the BLAKE3 of JCS(`params` without `patch`). Source: contracts "Canonical bytes and
 * hashes".
 */
export function hashSubject(params: JobParams): Blake3Hex {
  return hashCanonical(omitPatch(params));
}

/** The `subject_hash` of a deletion, which has no bytes. */
export const EMPTY_PATCH_HASH = hashBlake3Hex(new Uint8Array(0));
