import type { ChangelogEntry } from "./changelog.js";
import type { InfraRegistry } from "./model.js";
import { resolveContext } from "./resolve.js";

export interface Disagreement {
  /** The changelog's line that disagrees; null if no line is about the repository. */
  readonly line: number | null;
  readonly owner: string;
  readonly repo: string;
  readonly message: string;
  /** The repository may have been registered before the changelog began. */
  readonly isOlderThanChangelog: boolean;
}

type KnownState = { readonly state: "enabled" | "disabled" | "missing"; readonly entry: ChangelogEntry };

/**
 * Lists where a registry disagrees with its whole changelog. A changelog may begin later than its registry: any state may precede a
 * repository's first line, and a repository without a line is reported as older. Source: contracts "Infra registry v2".
 */
export function listDisagreements(entries: readonly ChangelogEntry[], registry: InfraRegistry): Disagreement[] {
  const found: Disagreement[] = [];
  const known = new Map<string, KnownState>();
  for (const entry of entries) {
    const name = `${entry.owner}/${entry.repo}`;
    const problem = checkStateChange(known.get(name), entry);
    if (problem !== undefined) found.push(toDisagreement(entry, `${name} ${problem}`));
    const state = ({ register: "enabled", enable: "enabled", disable: "disabled", unregister: "missing" } as const)[entry.action];
    known.set(name, { state, entry });
  }
  for (const { state, entry } of known.values()) {
    const actual = resolveContext(registry, entry);
    const name = `${entry.owner}/${entry.repo}`;
    if (actual.state !== state)
      found.push(toDisagreement(entry, `${name} is ${state} by the changelog, and ${actual.state} in the registry.`));
    else if (state !== "missing" && entry.context !== undefined && entry.context !== actual.context)
      found.push(toDisagreement(entry, `${name} is ${entry.context} by the changelog, and ${actual.context} in the registry.`));
  }
  for (const [owner, { repos }] of registry.orgs)
    for (const repo of repos.keys())
      if (!known.has(`${owner}/${repo}`))
        found.push({ line: null, owner, repo, message: `${owner}/${repo} has no line in the changelog.`, isOlderThanChangelog: true });
  return [...found, ...listMisroutedTelemetry(entries, registry, known)];
}

/** Checks that an action can follow the state that the earlier lines give the repository. */
function checkStateChange(before: KnownState | undefined, { action }: ChangelogEntry): string | undefined {
  if (before === undefined) return undefined;
  const { state, entry } = before;
  const fits =
    (action === "register" && state === "missing") ||
    (action === "enable" && state === "disabled") ||
    (action === "disable" && state === "enabled") ||
    (action === "unregister" && state !== "missing");
  return fits ? undefined : `cannot be changed by \`${action}\`, because it was ${state} since line ${entry.line}.`;
}

/** An org's telemetry goes where the last registration of a repository that is still registered says. */
function listMisroutedTelemetry(
  entries: readonly ChangelogEntry[],
  registry: InfraRegistry,
  known: ReadonlyMap<string, KnownState>,
): Disagreement[] {
  const last = new Map<string, ChangelogEntry>();
  for (const entry of entries)
    if (entry.action === "register" && known.get(`${entry.owner}/${entry.repo}`)?.state !== "missing") last.set(entry.owner, entry);
  return [...last.values()].flatMap((entry) => {
    const actual = registry.orgs.get(entry.owner)?.telemetry_repo;
    if (actual === undefined || entry.telemetry_repo === undefined || entry.telemetry_repo === actual) return [];
    return [
      toDisagreement(
        entry,
        `The telemetry of ${entry.owner} goes to ${entry.telemetry_repo} by the changelog, and to ${actual} in the registry.`,
      ),
    ];
  });
}

function toDisagreement({ line, owner, repo }: ChangelogEntry, message: string): Disagreement {
  return { line, owner, repo, message, isOlderThanChangelog: false };
}
