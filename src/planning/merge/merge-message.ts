import type { MergeProtectedParams } from "../../domain/act/job.js";
import { PLAN_COMMITS_MAX } from "../../domain/act/plan.js";
import type { SignedStatement } from "../../domain/card/statement.js";
import { REGISTRY_IDENTITY } from "../../domain/git/registry-identity.js";
import type { Permit } from "../../domain/permit/permit.js";
import { toShownLine, toShownValue } from "../../domain/shown-text.js";
import type { History } from "../../repository/history/history.js";
import type { CommitText } from "../../repository/objects/commit-object.js";

/** Placeholders in a plan's message for values that are known only when the act runs. */
const CARD = "<card>";
const PLAN = "<plan>";
const PERMIT = "<permit>";
const PROPOSER = "<proposer>";
const APPROVER = "<each approver>";

/** The author of a merge commit, and its message with placeholders. */
export interface MergeText {
  readonly author: { readonly name: string; readonly email: string };
  readonly template: string;
}

const TRAILERS = [`Card: ${CARD}`, `Plan: ${PLAN}`, `Permit: ${PERMIT}`, `Proposed-by: ${PROPOSER}`, `Approved-by: ${APPROVER}`];

/** Builds the text of a merge commit, whose author is the registry. */
export function buildMergeText({ source, target }: MergeProtectedParams): MergeText {
  return { author: REGISTRY_IDENTITY, template: `Merge ${source} into ${target}\n\n${TRAILERS.join("\n")}\n` };
}

/**
 * Builds the text of a squash commit. It keeps the author and names the others as co-authors, so that none of them can later approve it.
 */
export function buildSquashText({ source, target }: MergeProtectedParams, history: History): MergeText {
  const { author, coAuthors } = resolveAuthors(history);
  const listed = history.commits.slice(0, PLAN_COMMITS_MAX).map(({ summary }) => `* ${toShownLine(summary)}`);
  const more = history.count > listed.length ? [`* and ${history.count - listed.length} more`] : [];
  const together = [...coAuthors.map(({ name, email }) => `Co-authored-by: ${name} <${email}>`), ...TRAILERS];
  return { author, template: `Squash ${source} into ${target}\n\n${[...listed, ...more].join("\n")}\n\n${together.join("\n")}\n` };
}

/**
 * Returns the author of the newest commit, and all other authors by address. Their names are theirs: some programs end a line where git does
 * not, and would read a trailer in a name.
 */
function resolveAuthors({ commits, author_emails }: History) {
  const [newest] = commits;
  const author = newest === undefined ? REGISTRY_IDENTITY : toShownValue({ name: newest.author, email: newest.author_email });
  const names = new Map(commits.map((commit) => [commit.author_email, commit.author]));
  const others = author_emails.filter((email) => email !== newest?.author_email && email !== "");
  return { author, coAuthors: others.map((email) => toShownValue({ name: names.get(email) ?? email, email })) };
}

/** Fills card, plan, permit and people into the commit's text. Omits trailers without a value. */
export function fillMergeText(
  { author, template }: MergeText,
  { permit, statements }: { readonly permit: Permit; readonly statements: readonly SignedStatement[] },
): CommitText {
  const { approval_ref, plan_digest, actor_id } = permit.scopes;
  const known = new Map<string, readonly string[]>([
    [CARD, approval_ref === undefined ? [] : [approval_ref]],
    [PLAN, plan_digest === undefined ? [] : [plan_digest]],
    [PERMIT, [permit.jti]],
    [PROPOSER, [actor_id]],
    [APPROVER, [...new Set(listStandingApprovals(statements).map(({ statement }) => statement.approver))].sort()],
  ]);
  const lines = template.split("\n").flatMap((line) => {
    const [, key = "", place = ""] = /^([A-Z][a-z-]+): (<.+>)$/.exec(line) ?? [];
    const values = known.get(place);
    return values === undefined ? [line] : values.map((value) => `${key}: ${value}`);
  });
  return { author: { ...author, date: undefined }, message: lines.join("\n") };
}

/** Lists the approvals that are valid after the last statement. A withdrawal removes all approvals of its approver. */
export function listStandingApprovals(statements: readonly SignedStatement[]): SignedStatement[] {
  return statements.reduce<SignedStatement[]>((standing, signed) => {
    const { decision, approver, office_id } = signed.statement;
    if (decision === "withdraw") return standing.filter((one) => one.statement.approver !== approver);
    if (decision !== "approve") return standing;
    return [...standing.filter((one) => one.statement.approver !== approver || one.statement.office_id !== office_id), signed];
  }, []);
}
