import { z } from "zod";

export const REPO_STATES = ["enabled", "disabled"] as const;
export const EXECUTION_CONTEXTS = ["sandbox", "production"] as const;
export type RepoState = (typeof REPO_STATES)[number];
export type ExecutionContext = (typeof EXECUTION_CONTEXTS)[number];

export const SCHEMA_VERSION = "2.0";
export const REASON_MAX = 2000;

/** An org: the name of an owner at a forge, or a tenant id such as `T.UBL`. */
export const ownerNameSchema = z
  .string("Write an org's name as a string.")
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/,
    "Write an org's name: a letter or digit, then letters, digits, `.`, `_` or `-` (at most 100).",
  );

/** A repository of an org: its name at a forge, or a project id such as `P.demo`. */
export const repoNameSchema = z.string("Write a repository's name as a string.").regex(
  // No member of a registry can be called `__proto__`: plain objects do not keep it.
  /^(?!(?:\.{1,2}|__proto__)$)[A-Za-z0-9._-]{1,100}$/,
  "Write a repository's name: letters, digits, `.`, `_` or `-` (at most 100), without its org.",
);

/** `<org>/<repo>`. */
export const slugSchema = z
  .string("Write `<org>/<repo>` as a string.")
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}\/(?!(?:\.{1,2}|__proto__)$)[A-Za-z0-9._-]{1,100}$/,
    "Write `<org>/<repo>`, with letters, digits, `.`, `_` and `-` on both sides of one slash.",
  );

export const executionContextSchema = z.enum(EXECUTION_CONTEXTS, "Write `sandbox` or `production`; a context is never inferred.");

/** May be empty, as it is in registries from the wild. */
export const mutationReasonSchema = z
  .string("Write the reason as a string; it may be empty.")
  .max(REASON_MAX, `A reason has at most ${REASON_MAX} characters.`)
  .refine((text) => text.isWellFormed() && !text.includes("\0"), "A reason is well-formed Unicode without NUL.");

export const processSchema = z
  .string("Write the process that made the entry, such as `infra-cli`.")
  .min(1, "A process is not empty.")
  .max(200);

const repoSchema = z
  .strictObject(
    {
      state: z.enum(REPO_STATES, "Write `enabled` or `disabled`."),
      context: executionContextSchema,
      process: processSchema,
      reason: mutationReasonSchema,
    },
    "Write a repository as an object with state, context, process and reason.",
  )
  .describe("One repository: whether it is active, its execution context, and who put it here and why.");
export type RepoEntry = Readonly<z.infer<typeof repoSchema>>;

const orgSchema = z
  .strictObject(
    {
      telemetry_repo: slugSchema.describe("Where telemetry of this org goes; its owner is the org itself."),
      repos: z.record(repoNameSchema, repoSchema, "Write the repositories as an object, by their names."),
    },
    "Write an org as an object with telemetry_repo and repos.",
  )
  .describe("One org, its telemetry repository and its repositories by name.");

/** `infra/telemetry-registry.v2.json`. Unknown members are kept at the top level and refused below it. Source: infra registry v2. */
export const registrySchema = z
  .looseObject(
    {
      schema_version: z.literal(SCHEMA_VERSION, `The only schema version of this file is "${SCHEMA_VERSION}".`).optional(),
      generated_at: z.string("Write the moment as a string.").optional(),
      description: z.string("Write the description as a string.").optional(),
      orgs: z.record(ownerNameSchema, orgSchema, "Write the orgs as an object, by their names."),
    },
    "The registry is an object with the member `orgs`.",
  )
  .describe("The infra registry, version 2: which repositories are active, in which context, and where their telemetry goes.");
