import { X509Certificate } from "node:crypto";
import { z } from "zod";
import { attestorsSchema, predicateTypeSchema } from "../../domain/card/attestation.js";
import { TERMINAL_ORIGIN } from "../../domain/charter/passkeys.js";
import { roleSchema } from "../../domain/charter/records.js";
import { officeIdSchema, targetSchema } from "../../domain/ids.js";
import { LEVELS } from "../../domain/level.js";
import { APPROVALS_MAX } from "../../domain/policy/policy-contract.js";
import { type ParseResult, parseWith } from "../../domain/problems.js";

/** The longest permit that any policy may give: the upper end of "2–5 min" (contracts "Levels"). */
const PERMIT_TTL_MAX_MS = 5 * 60_000;
const DECIDE_WITHIN_MAX_MS = 90 * 24 * 3_600_000;
const RUN_MAX_MS = 24 * 3_600_000;

const levelName = z.enum(LEVELS, "Write a level from `L0` to `L5`.");
const jobType = z
  .string()
  .regex(/^[a-z]+(?:\.[a-z][a-z_]*)+$/, "Write a job type such as `git.registry.push`; a wildcard is not a job type.");
const ttlMs = z.int("Write whole milliseconds.").min(1).max(PERMIT_TTL_MAX_MS, "A permit lives for at most 5 minutes (300000 ms).");
const approvals = z.int().min(0).max(APPROVALS_MAX);
/** How many of the approving persons must hold each role, each person for one role only. */
const rolesSchema = z.record(roleSchema, z.int().min(1).max(APPROVALS_MAX));
const roles = rolesSchema.optional();

/** A model of authenticators, and the certificates from which its maker certifies it: X.509 in base64 of DER. */
const authenticatorModelSchema = z.strictObject({
  aaguid: z.string().regex(/^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/, "Write the model's AAGUID in lower case, as its maker does."),
  roots: z.array(z.base64().max(8192).refine(isAuthority, "Write the DER of a CA's X.509 certificate in base64.")).min(1).max(10),
});
export type AuthenticatorModel = z.infer<typeof authenticatorModelSchema>;

function isAuthority(base64: string): boolean {
  try {
    return new X509Certificate(Buffer.from(base64, "base64")).ca;
  } catch {
    return false;
  }
}

const levelSchema = z.strictObject({
  /** The life of a permit, in ms. */
  permit_ttl_ms: ttlMs,
  /** The time for a card's approvals, in ms. */
  decide_within_ms: z.int().min(1).max(DECIDE_WITHIN_MAX_MS),
  /** The number of distinct persons that approve. The rules enforce a minimum for L3 to L5. */
  approvals,
  roles,
  step_up: z.boolean(),
  /** What a passkey must be for a step-up at this level to count, in addition to the charter's rules. */
  passkeys: z
    .strictObject({
      /** Only `ogr` can assert with this origin. It computes the plan itself. */
      origin: z.literal(TERMINAL_ORIGIN, `Write \`${TERMINAL_ORIGIN}\`, or omit it.`).optional(),
      /** The authenticator proved one of these models when the passkey was registered (attestation format `packed`). */
      authenticators: z.array(authenticatorModelSchema).min(1).max(20).optional(),
    })
    .optional(),
  card: z.boolean(),
  /** The time for the work after the claim, in ms. */
  max_run_ms: z.int().min(1).max(RUN_MAX_MS),
});

const buildPatternSchema = (name: RegExp, advice: string) =>
  z
    .string()
    .max(200)
    .regex(name, advice)
    .refine(
      (text) => !text.split("/").some((part) => ["", ".", ".."].includes(part)),
      "A pattern has no empty part, and none that is `.` or `..`; write `/*` at its end for all below a folder.",
    );
const pattern = buildPatternSchema(
  /^[^*/\s][^*\s]*(?:\/\*)?$/,
  "Write one branch name, or a prefix with `/*` at its end, such as `feature/*`.",
);
/** Unlike a branch, a path can have spaces. */
const pathPattern = buildPatternSchema(
  /^[^*/\p{Cc}][^*\p{Cc}]*(?:\/\*)?$/u,
  "Write one path, or a folder with `/*` at its end, such as `infra/*`.",
);

/** The rules of branch names. The first row that matches decides. */
const branchSchema = z.discriminatedUnion("protected", [
  z.strictObject({
    pattern,
    protected: z.literal(false),
    push: levelName,
    force: levelName,
    delete: levelName,
  }),
  z.strictObject({
    pattern,
    protected: z.literal(true),
    merge: levelName,
    force: levelName,
    delete: levelName,
  }),
]);

const jobSchema = z.strictObject({
  /** Absent if the branch decides. */
  level: levelName.optional(),
  target: targetSchema,
  /** The in-toto predicate type that the job requires. */
  attestation: predicateTypeSchema.optional(),
  roles,
});

const officeSchema = z.strictObject({
  /** Job types, `card.approve` and `card.reject`. */
  allowed_actions: z.array(jobType).max(100),
  scope: z.strictObject({ targets: z.array(targetSchema).max(10) }),
  risk_ceiling: levelName,
  /** Required in addition to the level's requirements. */
  approval_policy: z.strictObject({
    min_approvals: approvals.optional(),
    step_up: z.boolean().optional(),
    roles,
  }),
  /** Can only shorten a permit, in ms. */
  ttl_default_ms: ttlMs,
});

/** The data of a tenant's policy. Source: ADR-002 §9, contracts "Levels". */
const policyDataSchema = z
  .strictObject({
    version: z.literal(1),
    levels: z.strictObject({
      L0: levelSchema,
      L1: levelSchema,
      L2: levelSchema,
      L3: levelSchema,
      L4: levelSchema,
      L5: levelSchema,
    }),
    branches: z.array(branchSchema).max(1000),
    jobs: z.record(jobType, jobSchema),
    /** Who must be among the approvers of an act of L3 or above that changes a path. Every row that matches counts. */
    paths: z
      .array(z.strictObject({ pattern: pathPattern, roles: rolesSchema }))
      .max(100)
      .optional(),
    author_may_approve: z.boolean(),
    /** The keys that may attest, by predicate type. Nobody can attest any other type. */
    attestors: attestorsSchema.optional(),
    offices: z.record(officeIdSchema, officeSchema),
  })
  .superRefine((data, context) => {
    const actions = new Set([...Object.keys(data.jobs), "card.approve", "card.reject"]);
    for (const [office, { allowed_actions }] of Object.entries(data.offices))
      for (const [at, action] of allowed_actions.entries())
        if (!actions.has(action))
          context.addIssue({
            code: "custom",
            path: ["offices", office, "allowed_actions", at],
            message: `${action} is neither a job type of \`jobs\` nor card.approve or card.reject.`,
          });
    for (const [at, { pattern: own }] of data.branches.entries())
      if (data.branches.findIndex((row) => row.pattern === own) !== at)
        context.addIssue({
          code: "custom",
          path: ["branches", at, "pattern"],
          message: `${own} has a row already.`,
        });
  });
export type PolicyData = z.infer<typeof policyDataSchema>;

/** Parses a policy's data strictly, naming every bad field. */
export function parsePolicyData(value: unknown): ParseResult<PolicyData> {
  return parseWith(policyDataSchema, value);
}
