import type { ChangelogEntry } from "./changelog.js";
import type { InfraRegistry, OrgEntry } from "./model.js";
import type { InfraRefusal } from "./refusal.js";
import { applyLine } from "./transition.js";

export type ReplayResult =
  | { readonly ok: true; readonly registry: InfraRegistry }
  | { readonly ok: false; readonly entry: ChangelogEntry; readonly refusal: InfraRefusal };

/** What these lines make of a registry, one after the other; or the first line that cannot have happened. */
export function replayChangelog(entries: readonly ChangelogEntry[], start: InfraRegistry): ReplayResult {
  let registry = start;
  for (const entry of entries) {
    const next = applyLine(registry, entry);
    if (!next.ok) return { ok: false, entry, refusal: next.refusal };
    registry = next.value;
  }
  return { ok: true, registry };
}

/** One member in which two registries differ: the path of it in the file, and what each of them says. */
export interface Difference {
  readonly path: readonly string[];
  readonly expected: string | undefined;
  readonly found: string | undefined;
}

/** In which members of their orgs two registries differ. Order and what stands beside the orgs are no difference. */
export function listDifferences(expected: InfraRegistry, found: InfraRegistry): Difference[] {
  return mergeKeys(expected.orgs, found.orgs).flatMap((org) => listOrgDifferences(org, expected.orgs.get(org), found.orgs.get(org)));
}

function listOrgDifferences(org: string, before: OrgEntry | undefined, after: OrgEntry | undefined): Difference[] {
  const telemetry = { path: ["orgs", org, "telemetry_repo"], expected: before?.telemetry_repo, found: after?.telemetry_repo };
  const repos = mergeKeys(before?.repos ?? NO_REPOS, after?.repos ?? NO_REPOS).flatMap((repo) => {
    const path = ["orgs", org, "repos", repo];
    const [one, other] = [before?.repos.get(repo), after?.repos.get(repo)];
    if (one === undefined || other === undefined) return [{ path, expected: formatEntry(one), found: formatEntry(other) }];
    return (["state", "context", "process", "reason"] as const)
      .filter((member) => one[member] !== other[member])
      .map((member) => ({ path: [...path, member], expected: one[member], found: other[member] }));
  });
  return telemetry.expected === telemetry.found ? repos : [telemetry, ...repos];
}

const NO_REPOS: OrgEntry["repos"] = new Map();

function mergeKeys<T>(before: ReadonlyMap<string, T>, after: ReadonlyMap<string, T>): string[] {
  return [...new Set([...before.keys(), ...after.keys()])];
}

function formatEntry(entry: { state: string; context: string } | undefined): string | undefined {
  return entry === undefined ? undefined : `${entry.state}, ${entry.context}`;
}
