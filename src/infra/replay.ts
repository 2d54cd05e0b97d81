import type { ChangelogEntry } from "./changelog.js";
import type { OrgEntry, Registry } from "./model.js";
import type { InfraRefusal } from "./refusal.js";
import { applyLine } from "./transition.js";

export type Replayed =
  | { readonly ok: true; readonly registry: Registry }
  | { readonly ok: false; readonly entry: ChangelogEntry; readonly refusal: InfraRefusal };

/** What these lines make of a registry, one after the other; or the first line that cannot have happened. */
export function replay(entries: readonly ChangelogEntry[], start: Registry): Replayed {
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
export function differences(expected: Registry, found: Registry): Difference[] {
  return keysOf(expected.orgs, found.orgs).flatMap((org) => differencesOfOrg(org, expected.orgs.get(org), found.orgs.get(org)));
}

function differencesOfOrg(org: string, before: OrgEntry | undefined, after: OrgEntry | undefined): Difference[] {
  const telemetry = { path: ["orgs", org, "telemetry_repo"], expected: before?.telemetry_repo, found: after?.telemetry_repo };
  const repos = keysOf(before?.repos ?? NO_REPOS, after?.repos ?? NO_REPOS).flatMap((repo) => {
    const path = ["orgs", org, "repos", repo];
    const [one, other] = [before?.repos.get(repo), after?.repos.get(repo)];
    if (one === undefined || other === undefined) return [{ path, expected: entryText(one), found: entryText(other) }];
    return (["state", "context", "process", "reason"] as const)
      .filter((member) => one[member] !== other[member])
      .map((member) => ({ path: [...path, member], expected: one[member], found: other[member] }));
  });
  return telemetry.expected === telemetry.found ? repos : [telemetry, ...repos];
}

const NO_REPOS: OrgEntry["repos"] = new Map();

function keysOf<T>(before: ReadonlyMap<string, T>, after: ReadonlyMap<string, T>): string[] {
  return [...new Set([...before.keys(), ...after.keys()])];
}

function entryText(entry: { state: string; context: string } | undefined): string | undefined {
  return entry === undefined ? undefined : `${entry.state}, ${entry.context}`;
}
