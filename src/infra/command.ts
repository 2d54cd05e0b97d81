import { grantValue } from "../domain/denial.js";
import type { ChangelogLine } from "./changelog.js";
import type { InfraRegistry } from "./model.js";
import { type InfraOutcome, refuseInfraAct } from "./refusal.js";
import {
  type ExecutionContext,
  executionContextSchema,
  mutationReasonSchema,
  ownerNameSchema,
  repoNameSchema,
  SCHEMA_VERSION,
} from "./registry-schema.js";
import { applyLine } from "./transition.js";

/** The `process` that these commands write. Source: infra registry v2. */
const PROCESS = "infra-cli";

/** A repository as an operator names it: `<org>/<repo>`. */
export interface RepoName {
  readonly owner: string;
  readonly repo: string;
}

/** An operator's command as it was written, before any check or default. */
export type InfraCommand = { readonly name: string; readonly reason?: string | undefined } & (
  | { readonly action: "register"; readonly context?: string | undefined; readonly telemetry_repo?: string | undefined }
  | { readonly action: "disable" | "enable" }
  | { readonly action: "unregister"; readonly confirmDelete: boolean }
);

export interface Mutation {
  readonly registry: InfraRegistry;
  readonly line: ChangelogLine;
}

/** Applies a command to a registry. Returns the new registry with the changelog's line, or a refusal. `timestamp` is now (RFC 3339). */
export function applyCommand(registry: InfraRegistry, command: InfraCommand, timestamp: string): InfraOutcome<Mutation> {
  const line = toChangelogLine(registry, command, timestamp);
  if (!line.ok) return line;
  const changed = applyLine(registry, line.value);
  return changed.ok ? grantValue({ registry: changed.value, line: line.value }) : changed;
}

export function parseRepoName(name: string): InfraOutcome<RepoName> {
  const [owner = "", repo = "", ...rest] = name.split("/");
  if (rest.length > 0 || !ownerNameSchema.safeParse(owner).success || !repoNameSchema.safeParse(repo).success)
    return refuseInfraAct("repository_invalid", `${JSON.stringify(name)} names no repository; write <org>/<repo>, such as acme/site.`);
  return grantValue({ owner, repo });
}

function toChangelogLine(registry: InfraRegistry, command: InfraCommand, timestamp: string): InfraOutcome<ChangelogLine> {
  const name = parseRepoName(command.name);
  if (!name.ok) return name;
  const { owner, repo } = name.value;
  const reason = mutationReasonSchema.safeParse(command.reason ?? "");
  if (!reason.success) return refuseInfraAct("reason_invalid", `--reason: ${reason.error.issues.map(({ message }) => message).join(" ")}`);
  const routing =
    command.action === "register" ? resolveRequestedRouting(command, name.value, registry) : findPresentRouting(registry, name.value);
  if (!routing.ok) return routing;
  if (command.action === "unregister" && !command.confirmDelete)
    return refuseInfraAct(
      "confirm_delete_missing",
      `Unregistering ${owner}/${repo} removes its entry; add --confirm-delete if that is meant.`,
    );
  const { action } = command;
  const signed = { reason: reason.data, process: PROCESS, schema_version: SCHEMA_VERSION };
  return grantValue({ timestamp, action, owner, repo, ...routing.value, ...signed });
}

interface Routing {
  readonly context?: ExecutionContext;
  readonly telemetry_repo?: string;
}

/** The routing that a registration asks for; further repositories of an org inherit its telemetry repository. */
function resolveRequestedRouting(
  { context, telemetry_repo, name }: Extract<InfraCommand, { action: "register" }>,
  { owner }: RepoName,
  registry: InfraRegistry,
): InfraOutcome<Routing> {
  const known = executionContextSchema.optional().safeParse(context);
  if (!known.success)
    return refuseInfraAct("context_unknown", `--context: ${JSON.stringify(context)} is not a context; write sandbox or production.`);
  const declared = known.data === undefined ? {} : { context: known.data };
  const org = registry.orgs.get(owner);
  const inherited = org === undefined || org.repos.size === 0 ? undefined : org.telemetry_repo;
  const wanted = telemetry_repo ?? inherited;
  if (wanted === undefined) return grantValue(declared);
  const chosen = parseRepoName(wanted);
  if (!chosen.ok) return refuseInfraAct("telemetry_repo_invalid", `--telemetry-repo: ${chosen.refusal.message}`);
  if (chosen.value.owner === owner) return grantValue({ ...declared, telemetry_repo: wanted });
  return refuseInfraAct(
    "telemetry_cross_org",
    `${name} may write telemetry only into its own org, not to ${wanted}; give --telemetry-repo ${owner}/<repo>.`,
  );
}

function findPresentRouting(registry: InfraRegistry, { owner, repo }: RepoName): InfraOutcome<Routing> {
  const org = registry.orgs.get(owner);
  const entry = org?.repos.get(repo);
  if (org === undefined || entry === undefined) return refuseInfraAct("not_registered", formatNotRegistered(registry, owner, repo));
  return grantValue({ context: entry.context, telemetry_repo: org.telemetry_repo });
}

function formatNotRegistered(registry: InfraRegistry, owner: string, repo: string): string {
  const known = [...(registry.orgs.get(owner)?.repos.keys() ?? [])].slice(0, 10);
  const others = known.length === 0 ? `no repository of ${owner} is` : `of ${owner} there are ${known.join(", ")}`;
  return `${owner}/${repo} is not in the registry; ${others}. List them with: ogr infra list`;
}
