import type { Result } from "../domain/result.js";
import type { ChangelogEntry } from "./changelog.js";
import type { InfraRegistry, OrgEntry } from "./model.js";
import type { InfraRefusal } from "./refusal.js";
import { applyLine } from "./transition.js";

/** Applies these lines to a registry, one after the other, up to the first line that cannot follow. */
export function replayChangelog(
  entries: readonly ChangelogEntry[],
  start: InfraRegistry,
): Result<InfraRegistry, { entry: ChangelogEntry; refusal: InfraRefusal }> {
  let value = start;
  for (const entry of entries) {
    const next = applyLine(value, entry);
    if (!next.ok) return { ...next, entry };
    value = next.value;
  }
  return { ok: true, value };
}

/** A member in which two registries differ: its path in the file, and its two values. */
export interface Difference {
  readonly path: readonly string[];
  readonly expected: string | undefined;
  readonly found: string | undefined;
}

/** Lists the members of orgs in which two registries differ. The order of members and everything outside the orgs is ignored. */
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
