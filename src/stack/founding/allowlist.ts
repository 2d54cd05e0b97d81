import { join } from "node:path";
import { JOB_TYPES } from "../../domain/act/job.js";
import { type JobsAllowlist, parseAllowlist } from "../../domain/permit/allowlist.js";
import { formatProblems } from "../../domain/problems.js";
import { readJsonFile, writePrivateJson } from "../../process/private-file.js";
import { resolveSourceFile } from "../../process/source-files.js";

const seed = "config/jobs.allowlist.json";

/**
 * Writes the Runner's allowlist for these tenants (ADR-002 §6): the entry of the seed file where it has one, otherwise every job of this
 * release. Returns its path.
 */
export async function foundAllowlist(folder: string, tenants: readonly string[]): Promise<string> {
  const seeded = requireAllowlist(await readJsonFile(resolveSourceFile(seed)), seed);
  const allowlist: JobsAllowlist = {
    version: 1,
    tenants: Object.fromEntries(
      tenants.map((tenant) => [
        tenant,
        seeded.tenants[tenant] ?? { fs_scope: `tenants/${tenant}`, network_whitelist: ["object-store", "temporal"], jobs: [...JOB_TYPES] },
      ]),
    ),
  };
  const path = join(folder, "jobs.allowlist.json");
  await writePrivateJson(path, requireAllowlist(allowlist, path));
  return path;
}

function requireAllowlist(value: unknown, path: string): JobsAllowlist {
  const result = parseAllowlist(value);
  if (!result.ok) throw new Error(`${path} is not valid: ${formatProblems(result.problems)}`);
  return result.value;
}
