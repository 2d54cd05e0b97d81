import { omitPatch, type PushParams } from "../../domain/act/job.js";
import { PLAN_COMMITS_MAX, type Plan } from "../../domain/act/plan.js";
import { grantValue, type Outcome, wrapDenial } from "../../domain/denial.js";
import { ZERO_ID } from "../../domain/git/git-id.js";
import { toBranchRef } from "../../domain/git/ref-name.js";
import { compareTrees, type History, readHistory } from "../../repository/history/history.js";
import type { CreatedCommit } from "../../repository/incoming/ingested.js";
import { PLANNED } from "../../repository/objects/making.js";
import type { OpenRepository } from "../../repository/open-repository.js";
import { buildPlan, describeCommits } from "../build-plan.js";
import { checkInfraRegistry } from "../check-infra-registry.js";
import type { PlanInput, PlanningContext } from "../context.js";
import { addGainedPaths } from "../gained-paths.js";
import { runOnProject } from "../open-project.js";
import { checkPush, fetchPush, type PushChange, toNextTip } from "./push-change.js";

/** Denials: those of `ingestPush` and of the staged bytes, `project_unknown`, `ref_moved`, `ref_missing`, `ref_conflict`, `infra_invalid`. */
export function planPush(context: PlanningContext, input: PlanInput<PushParams>): Promise<Outcome<Plan>> {
  const { params } = input;
  return runOnProject(context, params.project_id, async (repository) => {
    const fetched = await fetchPush(context, repository, params);
    if (!fetched.ok) return fetched;
    const change = await checkPush(context, repository, params, fetched.value, PLANNED);
    if (!change.ok) return change;
    const { ref, old } = change.value;
    const invalid = await checkInfraRegistry(context, repository, [{ name: ref, old, new: toNextTip(change.value) }]);
    return invalid === undefined ? buildPushPlan(context, repository, input, change.value) : wrapDenial(invalid);
  });
}

async function buildPushPlan(
  context: PlanningContext,
  repository: OpenRepository,
  input: PlanInput<PushParams>,
  change: PushChange,
): Promise<Outcome<Plan>> {
  const created = change.kind === "update" ? change.push.created : [];
  const act = {
    job_type: "git.registry.push" as const,
    refs: [{ name: change.ref, old: change.old, new: created.length > 0 ? null : toNextTip(change) }],
    creates: created.map(({ tree, author, author_email, message }) => {
      return { kind: "commit" as const, tree, author: `${author} <${author_email}>`, message };
    }),
  };
  const requested = { ...input, params: omitPatch(input.params) };
  if (change.kind === "delete") return grantValue(buildPlan(context, requested, act, { changed_paths: null }));
  const { tip, fast_forward } = change.push;
  const changes = await compareTrees(repository, change.old, tip, context.limits.diffstatMaxMs);
  if (!changes.ok) return changes;
  const moves = { branch: input.params.branch, old: change.old, tip };
  const changed_paths = await addGainedPaths(context, repository, moves, changes.value.changed_paths);
  if (!changed_paths.ok) return changed_paths;
  const commits =
    created.length > 0
      ? describeCreated(created)
      : await describeCommits(repository, await readPushed(context, repository, change, input.params));
  const facts = { fast_forward, ...changes.value, changed_paths: changed_paths.value, ...commits };
  return grantValue(buildPlan(context, requested, act, facts));
}

/**
 * Reads the commits that the branch gains. On a new branch, commits of other branches do not count as new, except for a forced push: it can
 * create a protected branch, whose commits need approvals by others than their pushers and authors.
 */
function readPushed(
  { readGitKeys }: PlanningContext,
  repository: OpenRepository,
  { old, push: { tip } }: Extract<PushChange, { kind: "update" }>,
  { force }: PushParams,
): Promise<History> {
  if (old !== ZERO_ID) return readHistory(repository, [tip, `^${old}`], PLAN_COMMITS_MAX, readGitKeys);
  const main = toBranchRef("main");
  const approved = [...(repository.state.refs.has(main) ? [main] : []), "--tags"];
  return readHistory(repository, [tip, "--not", ...(force === true ? approved : ["--branches", "--tags"])], PLAN_COMMITS_MAX, readGitKeys);
}

/** Omits ids and the registry's own dates, which depend on the permit. Nobody has pushed these commits before. */
function describeCreated(created: readonly CreatedCommit[]) {
  const commits = created
    .toReversed()
    .slice(0, PLAN_COMMITS_MAX)
    .map(({ message, author, author_email, authored_at_ms = 0 }) => {
      const [summary = ""] = message.split("\n", 1);
      return { id: null, summary, author, author_email, authored_at_ms };
    });
  const author_emails = [...new Set(created.map(({ author_email }) => author_email))].sort();
  return { commit_count: created.length, commits, author_emails };
}
