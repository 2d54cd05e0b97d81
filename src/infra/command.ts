import type { ChangelogLine } from "./changelog.js";
import type { Registry } from "./model.js";
import { accepted, type InfraOutcome, refused } from "./refusal.js";
import { type Context, contextSchema, ownerNameSchema, reasonSchema, repoNameSchema, SCHEMA_VERSION } from "./registry-schema.js";
import { applyLine } from "./transition.js";

/** What is written as `process` by our commands. Source: infra registry v2. */
const PROCESS = "infra-cli";

/** A repository as an operator names it: `<org>/<repo>`. */
export interface RepoName {
  readonly owner: string;
  readonly repo: string;
}

/** What an operator wants, as it was written: nothing is judged yet, and nothing is added. */
export type InfraCommand =
  | {
      readonly action: "register";
      readonly name: string;
      readonly context?: string | undefined;
      readonly telemetry_repo?: string | undefined;
      readonly reason?: string | undefined;
    }
  | { readonly action: "disable" | "enable"; readonly name: string; readonly reason?: string | undefined }
  | { readonly action: "unregister"; readonly name: string; readonly confirm_delete: boolean; readonly reason?: string | undefined };

export interface Mutation {
  readonly registry: Registry;
  readonly line: ChangelogLine;
}

/**
 * What a command makes of a registry, and its line of the changelog, or why not. `timestamp` is the present moment (RFC 3339). Source:
 * infra registry v2.
 */
export function applyCommand(registry: Registry, command: InfraCommand, timestamp: string): InfraOutcome<Mutation> {
  const line = lineOf(registry, command, timestamp);
  if (!line.ok) return line;
  const changed = applyLine(registry, line.value);
  return changed.ok ? accepted({ registry: changed.value, line: line.value }) : changed;
}

/** `<org>/<repo>` in its parts. */
export function repoName(name: string): InfraOutcome<RepoName> {
  const [owner = "", repo = "", ...rest] = name.split("/");
  if (rest.length > 0 || !ownerNameSchema.safeParse(owner).success || !repoNameSchema.safeParse(repo).success)
    return refused("repository_invalid", `${JSON.stringify(name)} names no repository; write <org>/<repo>, such as acme/site.`);
  return accepted({ owner, repo });
}

function lineOf(registry: Registry, command: InfraCommand, timestamp: string): InfraOutcome<ChangelogLine> {
  const name = repoName(command.name);
  if (!name.ok) return name;
  const { owner, repo } = name.value;
  const reason = reasonSchema.safeParse(command.reason ?? "");
  if (!reason.success) return refused("reason_invalid", `--reason: ${reason.error.issues.map(({ message }) => message).join(" ")}`);
  const routing = command.action === "register" ? asked(command, name.value, registry) : present(registry, name.value);
  if (!routing.ok) return routing;
  if (command.action === "unregister" && !command.confirm_delete)
    return refused("confirm_delete_missing", `Unregistering ${owner}/${repo} removes its entry; add --confirm-delete if that is meant.`);
  const { action } = command;
  const signed = { reason: reason.data, process: PROCESS, schema_version: SCHEMA_VERSION };
  return accepted({ timestamp, action, owner, repo, ...routing.value, ...signed });
}

interface Routing {
  readonly context?: Context;
  readonly telemetry_repo?: string;
}

/** The routing that a registration asks for; an org that has repositories has its telemetry repository too. */
function asked(
  { context, telemetry_repo, name }: Extract<InfraCommand, { action: "register" }>,
  { owner }: RepoName,
  registry: Registry,
): InfraOutcome<Routing> {
  const known = contextSchema.optional().safeParse(context);
  if (!known.success)
    return refused("context_unknown", `--context: ${JSON.stringify(context)} is no context; write sandbox or production.`);
  const declared = known.data === undefined ? {} : { context: known.data };
  const org = registry.orgs.get(owner);
  const inherited = org === undefined || org.repos.size === 0 ? undefined : org.telemetry_repo;
  const wanted = telemetry_repo ?? inherited;
  if (wanted === undefined) return accepted(declared);
  const chosen = repoName(wanted);
  if (!chosen.ok) return refused("telemetry_repo_invalid", `--telemetry-repo: ${chosen.refusal.message}`);
  if (chosen.value.owner === owner) return accepted({ ...declared, telemetry_repo: wanted });
  return refused(
    "telemetry_cross_org",
    `${name} may write telemetry only into its own org, not to ${wanted}; give --telemetry-repo ${owner}/<repo>.`,
  );
}

function present(registry: Registry, { owner, repo }: RepoName): InfraOutcome<Routing> {
  const org = registry.orgs.get(owner);
  const entry = org?.repos.get(repo);
  if (org === undefined || entry === undefined) return refused("not_registered", notRegistered(registry, owner, repo));
  return accepted({ context: entry.context, telemetry_repo: org.telemetry_repo });
}

function notRegistered(registry: Registry, owner: string, repo: string): string {
  const known = [...(registry.orgs.get(owner)?.repos.keys() ?? [])].slice(0, 10);
  const others = known.length === 0 ? `no repository of ${owner} is` : `of ${owner} there are ${known.join(", ")}`;
  return `${owner}/${repo} is not in the registry; ${others}. List them with: ogr infra list`;
}
