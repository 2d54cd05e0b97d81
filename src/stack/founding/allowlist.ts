import { join } from "node:path";
import { buildFullAllowance } from "../../domain/act/full-allowance.js";
import { type Allowance, type JobsAllowlist, parseAllowlist } from "../../domain/permit/allowlist.js";
import { formatProblems } from "../../domain/problems.js";
import { readJsonFile, writePrivateJson } from "../../process/private-file.js";
import { resolveSourceFile } from "../../process/source-files.js";

const seed = "config/jobs.allowlist.json";

/** Returns what Runners may do for each of these tenants: the entry of the seed file where it has one, otherwise every job of this release. */
export async function readSeededAllowances(tenants: readonly string[]): Promise<Readonly<Record<string, Allowance>>> {
  const seeded = requireAllowlist(await readJsonFile(resolveSourceFile(seed)), seed);
  return Object.fromEntries(tenants.map((tenant) => [tenant, seeded.tenants[tenant] ?? buildFullAllowance(tenant)]));
}

/** Writes the Runner's own allowlist for these tenants (ADR-002 §6). Returns its path. */
export async function foundAllowlist(folder: string, tenants: readonly string[]): Promise<string> {
  const allowlist: JobsAllowlist = { version: 1, tenants: await readSeededAllowances(tenants) };
  const path = join(folder, "jobs.allowlist.json");
  await writePrivateJson(path, requireAllowlist(allowlist, path));
  return path;
}

function requireAllowlist(value: unknown, path: string): JobsAllowlist {
  const result = parseAllowlist(value);
  if (!result.ok) throw new Error(`${path} is not valid: ${formatProblems(result.problems)}`);
  return result.value;
}
