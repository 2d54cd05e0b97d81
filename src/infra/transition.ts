import { applyEdits, modify } from "jsonc-parser";
import { grantValue } from "../domain/denial.js";
import type { ChangelogLine } from "./changelog.js";
import { type InfraRegistry, parseOwnRegistry } from "./model.js";
import { type InfraOutcome, refuseInfraAct } from "./refusal.js";
import type { RepoState } from "./registry-schema.js";

/**
 * Applies one line of the changelog to a registry, for commands and for replays: no other code changes a registry. An org's entry is
 * removed with its last repository.
 */
export function applyLine(registry: InfraRegistry, line: ChangelogLine): InfraOutcome<InfraRegistry> {
  const { action, owner, repo } = line;
  if (action === "register") return registerRepo(registry, line);
  const org = registry.orgs.get(owner);
  const entry = org?.repos.get(repo);
  if (entry === undefined) return refuseInfraAct("not_registered", `${owner}/${repo} is not in the registry; register it first.`);
  if (line.context !== undefined && line.context !== entry.context)
    return refuseInfraAct(
      "registry_invalid",
      `${owner}/${repo} is ${entry.context} in the registry, and ${line.context} in the changelog.`,
    );
  const path = ["orgs", owner, "repos", repo];
  if (action === "unregister") return editRegistry(registry, [[org?.repos.size === 1 ? ["orgs", owner] : path, undefined]]);
  const state: RepoState = action === "enable" ? "enabled" : "disabled";
  if (entry.state === state) return refuseInfraAct(`already_${state}`, `${owner}/${repo} is ${state} already; there is nothing to change.`);
  const changed = Object.entries({ state, ...toAttribution(line) });
  return editRegistry(
    registry,
    changed.map(([member, value]) => [[...path, member], value]),
  );
}

function registerRepo(registry: InfraRegistry, line: ChangelogLine): InfraOutcome<InfraRegistry> {
  const { owner, repo, context } = line;
  const twin = checkTwins(registry, owner, repo);
  if (twin !== undefined) return twin;
  const org = registry.orgs.get(owner);
  const telemetry_repo = line.telemetry_repo ?? org?.telemetry_repo;
  if (context === undefined)
    return refuseInfraAct(
      "context_missing",
      `${owner}/${repo} needs a context, which is never inferred: add --context sandbox or --context production.`,
    );
  if (telemetry_repo === undefined || (org?.repos.size === 0 && line.telemetry_repo === undefined))
    return refuseInfraAct(
      "telemetry_repo_missing",
      `${owner}/${repo} is the first repository of ${owner}: say where the org's telemetry goes with --telemetry-repo ${owner}/<repo>.`,
    );
  if (org !== undefined && org.telemetry_repo !== telemetry_repo)
    return refuseInfraAct(
      "telemetry_repo_differs",
      `The telemetry of ${owner} goes to ${org.telemetry_repo}, not to ${telemetry_repo}; leave out --telemetry-repo, or give that one.`,
    );
  const entry = { state: "enabled", context, ...toAttribution(line) };
  if (org !== undefined) return editRegistry(registry, [[["orgs", owner, "repos", repo], entry]]);
  return editRegistry(registry, [[["orgs", owner], { telemetry_repo, repos: { [repo]: entry } }]]);
}

/** Refuses a name that is registered already, also in another case, because forges do not distinguish such names. */
function checkTwins(registry: InfraRegistry, owner: string, repo: string): ReturnType<typeof refuseInfraAct> | undefined {
  const matchesIgnoringCase = (name: string) => (other: string) => other.toLowerCase() === name.toLowerCase();
  const org = [...registry.orgs.keys()].find(matchesIgnoringCase(owner));
  if (org === undefined) return undefined;
  if (org !== owner) return refuseInfraAct("name_twin", `${owner} differs from ${org} only in its case; write ${org}/${repo}.`);
  const repos = registry.orgs.get(org)?.repos;
  const found = [...(repos?.keys() ?? [])].find(matchesIgnoringCase(repo));
  if (found === undefined) return undefined;
  if (found !== repo)
    return refuseInfraAct("name_twin", `${owner}/${repo} differs from ${org}/${found} only in its case; that one is registered.`);
  const entry = repos?.get(repo);
  const next = entry?.state === "disabled" ? "enable it instead." : "to change its context, unregister it first.";
  return refuseInfraAct("already_registered", `${owner}/${repo} is registered already (${entry?.state}, ${entry?.context}); ${next}`);
}

/** The members that say who changed an entry and why. A line from the wild may give no reason. */
function toAttribution({ process, reason = "" }: ChangelogLine) {
  return { process, reason };
}

/** Sets each path of the registry's text to its value, or removes it if the value is undefined. The rest keeps its order and spelling. */
function editRegistry({ text }: InfraRegistry, edits: readonly (readonly [path: string[], value: unknown])[]): InfraOutcome<InfraRegistry> {
  const edited = edits.reduce((before, [path, value]) => applyEdits(before, modify(before, path, value, {})), text);
  return grantValue(parseOwnRegistry(edited));
}
