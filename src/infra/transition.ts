import type { ChangelogLine } from "./changelog.js";
import { createNode, findNode, removeMember, setMember } from "./json-node.js";
import type { JsonNode } from "./located-json.js";
import { type InfraRegistry, toRegistry } from "./model.js";
import { acceptInfraValue, type InfraOutcome, refuseInfraAct } from "./refusal.js";
import type { RepoState } from "./registry-schema.js";

/**
 * What one line of the changelog makes of a registry: the only code that changes one, for commands and for replays. The last repository
 * of an org takes its org along, so that an org stands in the registry exactly while it has repositories.
 */
export function applyLine(registry: InfraRegistry, line: ChangelogLine): InfraOutcome<InfraRegistry> {
  const { action, owner, repo } = line;
  if (action === "register") return registerRepo(registry, line);
  const entry = registry.orgs.get(owner)?.repos.get(repo);
  if (entry === undefined) return refuseInfraAct("not_registered", `${owner}/${repo} is not in the registry; register it first.`);
  if (line.context !== undefined && line.context !== entry.context)
    return refuseInfraAct(
      "registry_invalid",
      `${owner}/${repo} is ${entry.context} in the registry, and ${line.context} in the changelog.`,
    );
  if (action === "unregister") return acceptInfraValue(unregisterRepo(registry, owner, repo));
  const state: RepoState = action === "enable" ? "enabled" : "disabled";
  if (entry.state === state) return refuseInfraAct(`already_${state}`, `${owner}/${repo} is ${state} already; there is nothing to change.`);
  return acceptInfraValue(updateEntry(registry, line, (found) => setTexts(found, { state, ...toAttribution(line) })));
}

function registerRepo(registry: InfraRegistry, line: ChangelogLine): InfraOutcome<InfraRegistry> {
  const { owner, repo, context } = line;
  const twin = checkTwins(registry, owner, repo);
  if (twin !== undefined) return refuseInfraAct(...twin);
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
  const entry = createNode({ state: "enabled", context, ...toAttribution(line) });
  if (org !== undefined) return acceptInfraValue(updateEntry(registry, line, () => entry));
  const fresh = setMember(createNode({ telemetry_repo }), "repos", setMember(createNode({}), repo, entry));
  return acceptInfraValue(updateOrgs(registry, (orgs) => setMember(orgs, owner, fresh)));
}

/** A name that stands already, also when only its case differs: forges do not tell such names apart. */
function checkTwins(registry: InfraRegistry, owner: string, repo: string): Parameters<typeof refuseInfraAct> | undefined {
  const matchesIgnoringCase = (name: string) => (other: string) => other.toLowerCase() === name.toLowerCase();
  const org = [...registry.orgs.keys()].find(matchesIgnoringCase(owner));
  if (org === undefined) return undefined;
  if (org !== owner) return ["name_twin", `${owner} differs from ${org} only in its case; write ${org}/${repo}.`];
  const repos = registry.orgs.get(org)?.repos;
  const found = [...(repos?.keys() ?? [])].find(matchesIgnoringCase(repo));
  if (found === undefined) return undefined;
  if (found !== repo) return ["name_twin", `${owner}/${repo} differs from ${org}/${found} only in its case; that one is registered.`];
  const entry = repos?.get(repo);
  const next = entry?.state === "disabled" ? "enable it instead." : "to change its context, unregister it first.";
  return ["already_registered", `${owner}/${repo} is registered already (${entry?.state}, ${entry?.context}); ${next}`];
}

function unregisterRepo(registry: InfraRegistry, owner: string, repo: string): InfraRegistry {
  if (registry.orgs.get(owner)?.repos.size === 1) return updateOrgs(registry, (orgs) => removeMember(orgs, owner));
  return updateRepos(registry, owner, (repos) => removeMember(repos, repo));
}

/** By whom and why the entry is as it is; a line from the wild may give no reason. */
function toAttribution({ process, reason = "" }: ChangelogLine) {
  return { process, reason };
}

function setTexts(entry: JsonNode, texts: Readonly<Record<string, string>>): JsonNode {
  return Object.entries(texts).reduce((made, [key, text]) => setMember(made, key, createNode(text)), entry);
}

function updateEntry(registry: InfraRegistry, { owner, repo }: ChangelogLine, change: (entry: JsonNode) => JsonNode): InfraRegistry {
  return updateRepos(registry, owner, (repos) => setMember(repos, repo, change(findNode(repos, [repo]) ?? createNode({}))));
}

function updateRepos(registry: InfraRegistry, owner: string, change: (repos: JsonNode) => JsonNode): InfraRegistry {
  return updateOrgs(registry, (orgs) => {
    const org = findNode(orgs, [owner]) ?? createNode({});
    return setMember(orgs, owner, setMember(org, "repos", change(findNode(org, ["repos"]) ?? createNode({}))));
  });
}

function updateOrgs({ document }: InfraRegistry, change: (orgs: JsonNode) => JsonNode): InfraRegistry {
  return toRegistry(setMember(document, "orgs", change(findNode(document, ["orgs"]) ?? createNode({}))));
}
