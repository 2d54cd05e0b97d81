import { z } from "zod";
import { tenantIdSchema } from "../ids.js";
import { type ParseResult, parseWith } from "../problems.js";

/** Names that stand for the endpoints in the Runner's own configuration. */
export const NETWORK_NAMES = ["object-store", "temporal"] as const;

const HOST_PORT = /^(?:[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252})|\[[0-9A-Fa-f:.]{2,45}\]):([1-9][0-9]{0,4})$/;

const networkEntrySchema = z
  .string()
  .refine(
    (entry) => (NETWORK_NAMES as readonly string[]).includes(entry) || Number(HOST_PORT.exec(entry)?.[1] ?? Number.NaN) <= 65535,
    "Write `object-store`, `temporal`, or `host:port` with a port from 1 to 65535; a wildcard is not an endpoint.",
  );

const scopeSchema = z
  .string()
  .regex(
    /^[A-Za-z0-9_][A-Za-z0-9._-]{0,99}(?:\/[A-Za-z0-9_][A-Za-z0-9._-]{0,99}){0,7}$/,
    "Write a relative path such as `tenants/T.UBL`: no leading `/`, no `..`, no hidden part.",
  );

const allowedJobSchema = z
  .string()
  .regex(/^[a-z]+(?:\.[a-z][a-z_]*)+$/, "Write a job type such as `git.registry.push`; a wildcard is not a job type.");

const hasDistinctEntries = (entries: readonly string[]): boolean => new Set(entries).size === entries.length;

/** What the Runner may do for one tenant: its folder, endpoints and jobs. Source: ADR-002 §6. */
export const allowanceSchema = z.strictObject({
  fs_scope: scopeSchema,
  network_whitelist: z.array(networkEntrySchema).max(32).refine(hasDistinctEntries, "Write each endpoint once."),
  jobs: z.array(allowedJobSchema).max(64).refine(hasDistinctEntries, "Write each job type once."),
});
export type Allowance = z.infer<typeof allowanceSchema>;

/** The Runner's own allowlist, independent of any policy: `config/jobs.allowlist.json`. Source: ADR-002 §6. */
export const jobsAllowlistSchema = z
  .strictObject({
    version: z.literal(1),
    tenants: z.record(tenantIdSchema, allowanceSchema),
  })
  .superRefine(({ tenants }, context) => {
    const scopes = Object.entries(tenants).map(([tenant, { fs_scope }]) => ({
      tenant,
      path: `${fs_scope.toLowerCase()}/`,
    }));
    for (const [at, one] of scopes.entries())
      for (const other of scopes.slice(0, at))
        if (one.path.startsWith(other.path) || other.path.startsWith(one.path))
          context.addIssue({
            code: "custom",
            path: ["tenants", one.tenant, "fs_scope"],
            message: `This overlaps with the scope of ${other.tenant}; every tenant must have its own.`,
          });
  });
export type JobsAllowlist = z.infer<typeof jobsAllowlistSchema>;

/** Parses the allowlist and reports every invalid field. */
export function parseAllowlist(value: unknown): ParseResult<JobsAllowlist> {
  return parseWith(jobsAllowlistSchema, value);
}

/** Returns the allowance of `tenantId`, or undefined if the allowlist does not name it. */
export function findAllowance(allowlist: JobsAllowlist, tenantId: string): Allowance | undefined {
  return Object.hasOwn(allowlist.tenants, tenantId) ? allowlist.tenants[tenantId] : undefined;
}
