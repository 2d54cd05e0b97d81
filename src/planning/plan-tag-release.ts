import type { TagReleaseParams } from "../domain/act/job.js";
import { PLAN_COMMITS_MAX, type Plan } from "../domain/act/plan.js";
import { buildDenial, type Denial, grantValue, type Outcome, wrapDenial } from "../domain/denial.js";
import { checkDecisionLines } from "../domain/git/decision-lines.js";
import { ZERO_ID } from "../domain/git/git-id.js";
import { toBranchRef, toTagRef } from "../domain/git/ref-name.js";
import { toReleaseManifestKey } from "../domain/storage-key.js";
import { isOnBranch } from "../repository/history/ancestry.js";
import { checkArchiveSize } from "../repository/history/archive-size.js";
import { compareTrees, readHistory } from "../repository/history/history.js";
import { listMergeBases } from "../repository/merge/merge-trees.js";
import type { OpenRepository } from "../repository/open-repository.js";
import { checkRefMoves } from "../repository/refs/move-problem.js";
import { buildPlan, describeCommits } from "./build-plan.js";
import type { PlanInput, PlanningContext } from "./context.js";
import { runOnProject } from "./open-project.js";

/** Denials: `project_unknown`, `ref_exists`, `ref_conflict`, `commit_unreachable`, `registry_impersonated`, `limit_exceeded`. */
export function planTagRelease(context: PlanningContext, input: PlanInput<TagReleaseParams>): Promise<Outcome<Plan>> {
  const { params } = input;
  return runOnProject(context, params.project_id, async (repository) => {
    const denial = await checkTag(context, repository, params);
    if (denial !== undefined) return wrapDenial(denial);
    // A release contains the commits that no earlier tag has. Their authors and pushers may not approve it.
    const history = await readHistory(repository, [params.commit, "--not", "--tags"], PLAN_COMMITS_MAX, context.readGitKeys);
    const { tag, commit } = params;
    const changed_paths = await listReleasedPaths(context, repository, commit);
    if (!changed_paths.ok) return changed_paths;
    const refs = [{ name: toTagRef(tag), old: ZERO_ID, new: null }];
    const creates: Plan["basis"]["creates"] = [{ kind: "tag", object: commit, tag, message: toTagMessage(params) }];
    const facts = { ...(await describeCommits(repository, history)), changed_paths: changed_paths.value };
    return grantValue(buildPlan(context, input, { job_type: "git.registry.tag_release", refs, creates }, facts));
  });
}

/**
 * Lists the paths in which a release differs from the commit at which it left `main`; null if it left none, or several. What `main` contains was
 * approved there, and a move of `main` does not change the plan of its releases.
 */
async function listReleasedPaths(
  { limits }: PlanningContext,
  repository: OpenRepository,
  commit: string,
): Promise<Outcome<Plan["changed_paths"]>> {
  const main = repository.state.refs.get(toBranchRef("main"))?.id;
  const [base, ...others] = main === undefined ? [] : await listMergeBases(repository, main, commit);
  if (base === commit) return grantValue([]);
  if (base === undefined || others.length > 0) return grantValue(null);
  const changes = await compareTrees(repository, base, commit, limits.diffstatMaxMs);
  return changes.ok ? grantValue(changes.value.changed_paths) : changes;
}

/** Returns the reason why the tag cannot be created, or undefined. */
export async function checkTag(
  context: PlanningContext,
  repository: OpenRepository,
  params: TagReleaseParams,
): Promise<Denial | undefined> {
  const { tag, commit } = params;
  const move = { name: toTagRef(tag), old: ZERO_ID, new: "" };
  const problem = checkRefMoves(repository.state.refs, [move]) ?? checkDecisionLines(toTagMessage(params));
  if (problem !== undefined) return problem;
  const { project_id } = repository.name;
  // A reset deletes the tag but keeps its manifest, which is never replaced and would describe the wrong release.
  if ((await context.store.blobs.stat(toReleaseManifestKey(context.tenant_id, project_id, tag))) !== undefined)
    return buildDenial("ref_exists", `${tag} was released before the project was reset, and its manifest is kept. Choose another tag.`);
  const object = await repository.getReader().readInfo(commit);
  if (object?.type !== "commit" || !(await isOnBranch(repository, commit)))
    return buildDenial(
      "commit_unreachable",
      `No branch of ${project_id} reaches commit ${commit}. Push it first, or name a commit that has been pushed.`,
    );
  return checkArchiveSize(repository, commit, context.limits.archiveMaxBytes);
}

/** Returns the notes, or the tag's name if they are blank. git ends a message with a line feed. */
export function toTagMessage({ tag, notes }: TagReleaseParams): string {
  const text = notes.trim() === "" ? tag : notes;
  return text.endsWith("\n") ? text : `${text}\n`;
}
