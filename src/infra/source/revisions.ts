import type { InfraContext, ResolvedInfra } from "../../domain/act/infra-context.js";
import { denyWith, grantValue, type Outcome } from "../../domain/denial.js";
import { type InfraRegistry, parseRegistry } from "../model.js";
import { resolveContext } from "../resolve.js";

/** Parsed registries kept in memory; each may be as large as its file. */
const REVISIONS_MAX_COUNT = 8;
/** How many of a file's problems a denial names. */
const PROBLEMS_SHOWN = 3;

/** A registry, or a sentence about why it is unusable. `fullProblem` quotes the registry, so only its own tenant may read it. */
export type UsableRegistry =
  | { readonly ok: true; readonly value: InfraRegistry }
  | { readonly ok: false; readonly problem: string; readonly fullProblem?: string };

/** Caches the parsed registries of a few revisions. A revision never changes. */
export class Revisions {
  readonly #parsed = new Map<string, UsableRegistry>();

  /** The registry of a revision. `read` returns its bytes, or why there are none. */
  async load(revision: string, read: () => Promise<Uint8Array | { readonly problem: string }>): Promise<UsableRegistry> {
    const known = this.#parsed.get(revision);
    const registry = known ?? toUsableRegistry(await read());
    // A map keeps the order of insertion, so the first one is the least recently used.
    this.#parsed.delete(revision);
    this.#parsed.set(revision, registry);
    const [oldest] = this.#parsed.keys();
    if (this.#parsed.size > REVISIONS_MAX_COUNT && oldest !== undefined) this.#parsed.delete(oldest);
    return registry;
  }
}

/** The project to resolve, whether it holds the registry itself, and whether its tenant holds it and may read all of it. */
export interface InfraQuery {
  readonly tenant_id: string;
  readonly project_id: string;
  readonly is_registry: boolean;
  readonly isRegistryTenant: boolean;
}

/**
 * Resolves a project for its flow. If the registry is unusable, every project is denied except the one that holds it, where it can be
 * repaired.
 */
export function resolveFromRegistry(
  asked: InfraQuery,
  registry: UsableRegistry,
  where: string,
  revision: string | null,
): Outcome<ResolvedInfra> {
  const { tenant_id, project_id, is_registry, isRegistryTenant } = asked;
  if (registry.ok) {
    const infra: InfraContext = { ...resolveContext(registry.value, { owner: tenant_id, repo: project_id }), is_registry };
    return grantValue({ infra, revision });
  }
  const problem = isRegistryTenant ? (registry.fullProblem ?? registry.problem) : registry.problem;
  if (!is_registry) return denyWith("infra_unavailable", `The infra registry, ${where}, cannot be used: ${problem}`);
  return grantValue({ infra: { state: "unavailable", context: null, telemetry_repo: null, is_registry }, revision });
}

function toUsableRegistry(read: Uint8Array | { readonly problem: string }): UsableRegistry {
  if ("problem" in read) return { ok: false, problem: read.problem };
  const parsed = parseRegistry(read);
  if (parsed.ok) return parsed;
  const shown = parsed.problems.slice(0, PROBLEMS_SHOWN);
  const more = parsed.problems.length - shown.length;
  const joinProblems = (texts: readonly string[]) =>
    `${texts.join(" ")}${more > 0 ? ` (and ${more} more)` : ""} Correct it by a merge into its main branch.`;
  return {
    ok: false,
    // A message can quote names of another org, which this tenant must not learn.
    problem: joinProblems(shown.map(({ line, column, rule }) => `line ${line}, column ${column}: ${rule}.`)),
    fullProblem: joinProblems(shown.map(({ line, column, message }) => `line ${line}, column ${column}: ${message}`)),
  };
}
