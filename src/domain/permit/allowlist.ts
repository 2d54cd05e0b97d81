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
    const overlap = findOverlap(Object.entries(tenants));
    if (overlap === undefined) return;
    const [one, other] = overlap;
    context.addIssue({
      code: "custom",
      path: ["tenants", one, "fs_scope"],
      message: `This overlaps with the scope of ${other}; every tenant must have its own.`,
    });
  });
export type JobsAllowlist = z.infer<typeof jobsAllowlistSchema>;

/** Parses the allowlist and reports every invalid field. */
export function parseAllowlist(value: unknown): ParseResult<JobsAllowlist> {
  return parseWith(jobsAllowlistSchema, value);
}

/** Finds two tenants of which one's folder contains the other's, or is the same; the later one first. */
export function findOverlap(tenants: readonly (readonly [string, Pick<Allowance, "fs_scope">])[]): readonly [string, string] | undefined {
  const folders = tenants
    .map(([tenant, { fs_scope }], at) => ({ tenant, at, path: toFolder(fs_scope) }))
    .sort((a, b) => (a.path < b.path ? -1 : 1));
  // In this order a folder's contents follow it directly.
  for (const [n, folder] of folders.entries()) {
    const next = folders[n + 1];
    if (next?.path.startsWith(folder.path) !== true) continue;
    return next.at > folder.at ? [next.tenant, folder.tenant] : [folder.tenant, next.tenant];
  }
  return undefined;
}

/** A folder's path in lower case, because file systems can ignore case. */
function toFolder(scope: string): string {
  return `${scope.toLowerCase()}/`;
}

/**
 * Returns what a Runner's own allowlist leaves of the allowance in the operator's charter. An allowlist that does not name the tenant takes
 * nothing away. Undefined if the allowlist names a folder outside the tenant's. Source: contracts "Charter".
 */
export function narrowAllowance(allowance: Allowance, { tenants }: JobsAllowlist, tenantId: string): Allowance | undefined {
  const own = Object.hasOwn(tenants, tenantId) ? tenants[tenantId] : undefined;
  if (own === undefined) return allowance;
  if (!toFolder(own.fs_scope).startsWith(toFolder(allowance.fs_scope))) return undefined;
  const keep = (listed: readonly string[], allowed: readonly string[]) => listed.filter((entry) => allowed.includes(entry));
  return {
    fs_scope: own.fs_scope,
    network_whitelist: keep(own.network_whitelist, allowance.network_whitelist),
    jobs: keep(own.jobs, allowance.jobs),
  };
}
