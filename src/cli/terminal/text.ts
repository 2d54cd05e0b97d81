import type {
  CardAnswer,
  CommandAnswer,
  PermitStateAnswer,
  PreviewAnswer,
  ProjectDetail,
  RefAnswer,
  TenantAnswer,
} from "../../client/answers.js";
import type { BreakGlass } from "../../domain/act/break-glass.js";
import type { ActMarks } from "../../domain/act/marks.js";
import type { Pact } from "../../domain/act/pact.js";
import { ZERO_ID } from "../../domain/git/git-id.js";
import type { Receipt } from "../../domain/permit/receipt.js";
import { toShownLine, toShownValue } from "../../domain/shown-text.js";
import { formatActLines, formatTextLines } from "./act-lines.js";
import { formatChangeLines } from "./charter-change.js";

const COMMITS_SHOWN = 10;

/** Formats a time in UTC. */
export function formatTime(timeMs: number): string {
  return new Date(timeMs).toISOString().replace("T", " ").slice(0, 19);
}

/** Formats a status. */
export function formatStatus(status: string): string {
  return status.replaceAll("_", " ");
}

/** Says loudly that an act is an emergency. */
export function formatBreakGlassLines({ break_glass }: { readonly break_glass?: BreakGlass | null | undefined }): string[] {
  return break_glass == null ? [] : [`  BREAK-GLASS: ${toShownLine(break_glass.reason)}`];
}

/** Says loudly how an act was decided. */
export function formatMarkLines({ solo, ...act }: ActMarks): string[] {
  return [...formatBreakGlassLines(act), ...(solo ? ["  SOLO: the only person who can approve approved an act of their own"] : [])];
}

/** Formats a card with everything a person needs to decide. */
export function formatCard(answered: CardAnswer): string {
  const card = toShownValue(answered);
  const lines = [
    `${card.card_id}: ${card.intent}`,
    `  ${card.jobType} in ${card.project_id}, ${card.level ?? "no level yet"}, ${formatStatus(card.status)}`,
    `  author    ${card.author.actor_id} as ${card.office_id}`,
    ...formatBreakGlassLines(card),
    ...formatActLines(answered.jobType, answered.plan?.basis.params ?? answered.params),
  ];
  if (Object.keys(card.context ?? {}).length > 0) lines.push(`  context   ${JSON.stringify(card.context)}`);
  if (card.run === "on_command") lines.push("  runs      once its author issues its command, not when it is approved");
  for (const { rule, text } of card.reasons) lines.push(`  reason    ${text} (${rule})`);
  if (answered.plan) lines.push(...formatPlanLines(answered.plan));
  if (card.plan_digest !== null) lines.push(`  plan      ${card.plan_digest}`);
  for (const { decision, approver, office_id, counts, void_why } of card.statements ?? [])
    lines.push(`  ${decision.padEnd(9)} ${approver} as ${office_id}${formatValidity(counts, void_why ?? null)}`);
  for (const { predicate_type, keyid, void_why } of card.attestations ?? [])
    lines.push(`  attested  ${predicate_type} by the key ${keyid}${void_why === null ? "" : ", void"}`);
  if (card.status === "awaiting_approval" && card.void_why)
    lines.push(`  void      ${card.void_why} The card gets a new plan; show it again before you decide.`);
  if (card.status === "awaiting_approval") for (const { text } of card.missing) lines.push(`  waits for ${text}`);
  if (card.decide_by !== null && card.status === "awaiting_approval") lines.push(`  decide by ${formatTime(card.decide_by)}`);
  if (card.jti !== null) lines.push(`  permit    ${card.jti}, ${formatPermitState(card)}`);
  if (card.denial !== null) lines.push(`  why       ${card.denial.message} (${card.denial.code})`);
  if (answered.denial !== null) lines.push(...formatConflictLines(answered.denial));
  if (card.temporal_url) lines.push(`  workflow  ${card.temporal_url}`);
  return lines.join("\n");
}

/** Formats what a card would show before it is opened. */
export function formatCardPreview(answered: PreviewAnswer): string {
  const { level, reasons, plan_digest, denial } = toShownValue(answered);
  const lines = level === null ? [] : [`  level     ${level}`];
  for (const { rule, text } of reasons) lines.push(`  reason    ${text} (${rule})`);
  if (answered.plan !== null) lines.push(...formatPlanLines(answered.plan));
  if (plan_digest !== null) lines.push(`  plan      ${plan_digest}`);
  if (denial !== null) lines.push(`  why not   ${denial.message} (${denial.code})`);
  if (answered.denial !== null) lines.push(...formatConflictLines(answered.denial));
  return lines.join("\n");
}

function formatPlanLines(answered: NonNullable<CardAnswer["plan"]>): string[] {
  const { basis, fast_forward, commit_count, commits, diffstat } = toShownValue(answered);
  const lines = basis.refs.map(
    ({ name, old, new: next }) => `  ref       ${name}: ${shortenId(old)} → ${next === null ? "made at run time" : shortenId(next)}`,
  );
  // The message of a tag is the release's notes.
  for (const { kind, author, message } of answered.basis.creates)
    if (kind !== "tag") lines.push(`  commit    by ${toShownLine(author ?? "")}, made at run time`, ...formatTextLines(message));
  if (basis.charter !== undefined) lines.push(...formatChangeLines(basis.charter, basis.params ?? {}));
  if (fast_forward === false) lines.push("  history   is rewritten: this is not a fast-forward");
  // A release adds no change of its own.
  const changes = diffstat.files === 0 ? "" : `, ${diffstat.files} files, +${diffstat.insertions} −${diffstat.deletions}`;
  if (commit_count > 0) lines.push(`  commits   ${commit_count}${changes}`);
  for (const { id, summary, author } of commits.slice(0, COMMITS_SHOWN))
    lines.push(`            ${id === null ? "(new)" : id.slice(0, 12)} ${summary} (${author})`);
  if (commit_count > COMMITS_SHOWN) lines.push(`            … and ${commit_count - COMMITS_SHOWN} more`);
  return lines;
}

/** Formats what has become of a card's permit. */
function formatPermitState({ permit_status, run_by }: CardAnswer): string {
  if (permit_status === "issued" || permit_status == null) return run_by === null ? "issued" : `to be used by ${formatTime(run_by)}`;
  return permit_status;
}

function formatValidity(counts: boolean, voidWhy: string | null): string {
  if (!counts) return ", which does not count";
  return voidWhy === null ? "" : `, void: ${voidWhy}`;
}

function formatConflictLines({ conflicts = [] }: NonNullable<CardAnswer["denial"]>): string[] {
  return conflicts.flatMap(({ path, kind, explanation, hunks }) => [
    toShownLine(`  conflict  ${path} (${kind})${explanation === "" ? "" : `: ${explanation}`}`),
    ...hunks.flatMap((hunk) => hunk.split("\n").map((line) => `            | ${toShownLine(line.replaceAll("\t", "    "))}`)),
  ]);
}

export type ShownProject = ProjectDetail & { readonly refs: readonly RefAnswer[] };

export function formatProject(answered: ShownProject): string {
  const project = toShownValue(answered);
  const lines = [`${project.id}: ${project.name}`, `  ${project.visibility}, owned by ${project.owners.join(", ")}`];
  if (project.archived) lines.push("  archived: read-only");
  if (project.repo_url !== null) lines.push(`  repo      ${project.repo_url}`);
  for (const { name, object_id } of project.refs) lines.push(`  ref       ${shortenId(object_id)} ${name}`);
  for (const { tag, commit } of project.releases) lines.push(`  release   ${tag} at ${shortenId(commit)}`);
  for (const { action, ref, commit, actor, break_glass } of project.activity.slice(0, COMMITS_SHOWN))
    lines.push(`  activity  ${action} ${ref} ${shortenId(commit)} by ${actor}`, ...formatBreakGlassLines({ break_glass }));
  return lines.join("\n");
}

export function formatReceipt(answered: Receipt): string {
  const receipt = toShownValue(answered);
  const { jti, status, jobType, project_id, finished_at, refs, error, logs_hash, infra_revision } = receipt;
  const lines = [`${jti}: ${status}`, `  ${jobType} in ${project_id}, ${formatTime(finished_at)}`, ...formatMarkLines(receipt)];
  lines.push(`  log       ${logs_hash}`);
  if (infra_revision !== undefined) lines.push(`  infra     by revision ${infra_revision}`);
  for (const { name, old, new: next } of refs) lines.push(`  ref       ${name}: ${shortenId(old)} → ${shortenId(next)}`);
  if (error !== "") lines.push(`  why       ${error}`);
  return lines.join("\n");
}

/** Formats a verified Pact; `unproved` lists the signatures inside it whose keys are unknown. */
export function formatPact({ predicate }: Pact, unproved: readonly string[]): string {
  const { merge, decision, runner, jti } = toShownValue(predicate);
  const lines = [
    `Pact of ${jti}, signed by the Runner's key ${runner.keyid}`,
    `  merged    ${merge.source.branch} at ${shortenId(merge.source.commit)} into ${merge.target.branch} (${merge.strategy})`,
    `  commit    ${merge.commit}`,
    `  card      ${decision.card_id ?? "none"}, ${decision.level}, proposed by ${decision.proposed_by.actor_id}`,
    ...formatMarkLines(decision),
  ];
  for (const { statement, assertion } of decision.approvals)
    lines.push(`  approved  by ${statement.approver} as ${statement.office_id}${assertion === undefined ? "" : " with step-up"}`);
  lines.push(`  plan      ${decision.plan_digest ?? "none"}`, `  policy    ${decision.policy_hash}`);
  for (const what of unproved) lines.push(`  unproved  ${what}: its key is unknown`);
  return lines.join("\n");
}

/** Formats a command with its result. */
export function formatCommand(command: CommandAnswer): string {
  const { jti, jobId, status, receipt, denial, temporal_url } = toShownValue(command);
  const lines = receipt ? [formatReceipt(receipt)] : [`${jti}: ${formatStatus(status)}`];
  if (jobId !== null) lines.push(`  job       ${jobId}`);
  if (denial) lines.push(`  why       ${denial.message} (${denial.code})`);
  if (temporal_url) lines.push(`  workflow  ${temporal_url}`);
  return lines.join("\n");
}

export function formatPermit(answered: PermitStateAnswer): string {
  const { jti, status, permit, card_id, actor_id, intent, exp, end_reason } = toShownValue(answered);
  const { jobType, target, level, office_id } = permit.scopes;
  const lines = [
    `${jti}: ${status}`,
    `  ${jobType} on ${target}, ${level}, by ${actor_id} as ${office_id}`,
    `  intent    ${intent}`,
    `  until     ${formatTime(exp)}`,
  ];
  if (card_id !== null) lines.push(`  card      ${card_id}`);
  if (end_reason !== null) lines.push(`  why       ${end_reason}`);
  return lines.join("\n");
}

export function formatTenant({ tenant_id, transport, created_at, policy_hash, ledger }: TenantAnswer): string {
  return [
    `${tenant_id}: since ${formatTime(created_at)}`,
    `  commands  reach its Runners over ${transport === "pull" ? "HTTP pull" : "Temporal"}`,
    `  policy    ${policy_hash ?? "no charter verifies, so everything is denied"}`,
    `  ledger    ${ledger.container}, ${ledger.entries} entries, head ${ledger.head}`,
  ].join("\n");
}

/** Formats a size. */
export function formatSize(sizeBytes: number): string {
  if (sizeBytes < 1024) return `${sizeBytes} bytes`;
  const kib = sizeBytes / 1024;
  return kib < 1024 ? `${kib.toFixed(1)} KiB` : `${(kib / 1024).toFixed(1)} MiB`;
}

/** Returns the first characters of a git id, as people know it. */
export function shortenId(id: string): string {
  return id === ZERO_ID ? "none" : id.slice(0, 12);
}
