import type { Infra } from "../domain/act/infra-context.js";
import type { GitJobType, Job } from "../domain/act/job.js";
import { hashPlan, type Plan } from "../domain/act/plan.js";
import type { SignedStatement } from "../domain/card/statement.js";
import { grantValue, type Outcome } from "../domain/denial.js";
import { ZERO_ID } from "../domain/git/git-id.js";
import type { RefMove } from "../domain/git/ref-move.js";
import type { CommandEnvelope } from "../domain/permit/envelope.js";
import { STAGED_MAX_BYTES } from "../domain/staged.js";
import { toProjectKey, toReleaseManifestKey, toRepoPrefix, toStagingKey } from "../domain/storage-key.js";
import type { JobLimits, PlanningContext } from "../planning/context.js";
import { pinTarget } from "../planning/merge/merge-change.js";
import { fillMergeText } from "../planning/merge/merge-message.js";
import { readMergeText } from "../planning/merge/plan-merge.js";
import { runOnProject } from "../planning/open-project.js";
import { commitMark } from "../planning/plan-archive.js";
import { planJob } from "../planning/plan-job.js";
import { toTagMessage } from "../planning/plan-tag-release.js";
import { checkPush, fetchPush, toNextTip } from "../planning/push/push-change.js";
import { fetchBatch, prepareAppend } from "../planning/telemetry/append-change.js";
import { writeCommit, writeTag } from "../repository/objects/commit-object.js";
import type { Making } from "../repository/objects/making.js";
import type { OpenRepository } from "../repository/open-repository.js";
import type { Refs } from "../repository/refs/packed-refs.js";
import type { Repositories } from "../repository/repositories.js";
import { toRepositoryKeys } from "../repository/repository-key.js";
import { failAt } from "./failure.js";
import type { ProjectObjects } from "./project-objects.js";
import { readSignatures } from "./signed-objects.js";
import type { GitKeysAtVersion } from "./walked-charter.js";

const MIB = 1024 * 1024;
const DAY_MS = 24 * 3_600_000;

/** The Runner's limits of size. An auditor has time. */
const LIMITS: JobLimits = {
  stagedMaxBytes: STAGED_MAX_BYTES,
  packMaxBytes: 4 * STAGED_MAX_BYTES,
  objectsMaxCount: 5_000_000,
  blobMaxBytes: 256 * MIB,
  pathMaxBytes: 4096,
  archiveMaxBytes: 2048 * MIB,
  planMaxMs: DAY_MS,
  diffstatMaxMs: DAY_MS,
};

/** A command that acts on a project's repository. */
export type GitCommand = Extract<CommandEnvelope, { readonly jobType: GitJobType }>;

/** An act to be computed again on the refs that it found. */
export interface ReplayedAct {
  readonly command: GitCommand;
  readonly infra: Infra;
  readonly statements: readonly SignedStatement[];
  readonly refs: Refs;
  /** The lines of the Runner's log. */
  readonly log: readonly string[];
  /** The moves of the refs, by the receipt. */
  readonly moves: readonly RefMove[];
  /** The charter's version that the permit names. */
  readonly permitKeys: GitKeysAtVersion;
  readonly readGitKeys: PlanningContext["readGitKeys"];
}

/** What an act does, computed from objects. */
export interface Replay {
  readonly plan: Plan;
  /** The id to which each planned ref moves, where the plan has none because the object names permit and approvers. */
  readonly made: string | undefined;
}

/**
 * Plans an act on the objects and the refs that it found, and makes the objects that it creates. Returns undefined if the pushed bytes are
 * not among the files. @throws VerificationFailure if it cannot be planned
 */
export async function replayAct(
  objects: ProjectObjects,
  repositories: Repositories,
  act: ReplayedAct,
  wantedDigest: string | undefined,
): Promise<Replay | undefined> {
  const { tenant_id, params } = act.command;
  const before = listLaterKeys(act.command);
  // The pack of a push holds the pushed commits, which the project did not have before, unless an attempt that was lost had stored it.
  const own = listOwnPackKeys(act);
  for (const hidden of own.length === 0 ? [before] : [[...before, ...own], before]) {
    const found = await objects.nameFaults(() => replayOn(objects, repositories, act, hidden));
    if (!found.ok && found.denial.code === "staged_bytes_missing") return undefined;
    const isLast = hidden === before;
    if (found.ok && (isLast || wantedDigest === undefined || hashPlan(found.value.plan) === wantedDigest)) return found.value;
    if (!found.ok && found.denial.code === "subject_hash_mismatch" && "subject_hash" in params)
      failAt(toStagingKey(tenant_id, params.subject_hash), "", "Its BLAKE3 is not its name.");
    if (isLast && !found.ok)
      failAt(toRepoPrefix(tenant_id, params.project_id), "", `The act cannot be planned on its objects: ${found.denial.message}`);
  }
  throw new TypeError("The last attempt returns or fails; this is a bug.");
}

async function replayOn(
  objects: ProjectObjects,
  repositories: Repositories,
  { command, infra, statements, refs, moves, permitKeys, readGitKeys }: ReplayedAct,
  hidden: readonly string[],
): Promise<Outcome<Replay>> {
  const { tenant_id, jobType, params, target, policy_hash } = command;
  const keepsInfra = infra !== "none" && infra.is_registry;
  const context = { tenant_id, store: objects.viewAt(refs, hidden), repositories, limits: LIMITS, readGitKeys, keepsInfra };
  const plan = await planJob(context, jobType, { params, target, policy_hash, infra });
  if (!plan.ok) return plan;
  const { basis } = plan.value;
  const at = basis.refs.findIndex((move) => move.new === null);
  if (at === -1) return grantValue({ plan: plan.value, made: undefined });
  const created = { tip: moves[at]?.new ?? ZERO_ID, count: Math.max(1, basis.creates.length) };
  const file = toRepoPrefix(tenant_id, params.project_id);
  // All packs are visible here, because that of the act has what it made.
  const sign = await objects.run(refs, [], (repository) => readSignatures(repository, created, permitKeys, file));
  const making = { iatMs: command.permit.iat, sign };
  const made = await runOnProject({ ...context, signal: AbortSignal.timeout(DAY_MS) }, params.project_id, (repository) =>
    makeTip({ ...context, signal: repository.signal }, repository, command, { statements, plan: plan.value, making }),
  );
  return made.ok ? grantValue({ plan: plan.value, made: made.value }) : made;
}

/** Makes the object that the act creates, as the Runner does. Returns the id to which the ref moves. */
async function makeTip(
  context: PlanningContext,
  repository: OpenRepository,
  { permit, ...job }: GitCommand,
  { statements, plan, making }: { readonly statements: readonly SignedStatement[]; readonly plan: Plan; readonly making: Making },
): Promise<Outcome<string>> {
  const { jobType, params } = job as Job<GitJobType>;
  switch (jobType) {
    case "git.registry.merge_protected": {
      const text = fillMergeText(await readMergeText(context, repository, pinTarget(repository, params)), { permit, statements });
      const [made] = plan.basis.creates;
      if (made?.kind !== "merge") throw new TypeError("The plan of a merge that moves no branch names its commit; this is a bug.");
      return grantValue(await writeCommit(repository.getScratch(), made.tree, made.parents, text, making));
    }
    case "git.registry.tag_release": {
      const text = { name: params.tag, commit: params.commit, message: toTagMessage(params) };
      return grantValue(await writeTag(repository.getScratch(), text, making));
    }
    case "git.registry.push": {
      const fetched = await fetchPush(context, repository, params);
      if (!fetched.ok) return fetched;
      const change = await checkPush(context, repository, params, fetched.value, making);
      return change.ok ? grantValue(toNextTip(change.value)) : change;
    }
    case "git.registry.telemetry_append": {
      const batch = await fetchBatch(context, repository, params);
      if (!batch.ok) return batch;
      const change = await prepareAppend(context, repository, params, batch.value, making);
      return change.ok ? grantValue(change.value.tip) : change;
    }
    case "git.registry.archive": {
      const mark = await commitMark(context, repository, params, making);
      return mark.ok ? grantValue(mark.value.tip) : mark;
    }
    case "git.registry.init":
    case "git.registry.reset":
      return grantValue(ZERO_ID);
  }
}

/** Lists the objects that derive from the act itself, which a plan must not find. */
function listLaterKeys(command: GitCommand): string[] {
  const { tenant_id, params } = command;
  if (command.jobType === "git.registry.init") return [toProjectKey(tenant_id, params.project_id)];
  return command.jobType === "git.registry.tag_release" ? [toReleaseManifestKey(tenant_id, params.project_id, command.params.tag)] : [];
}

function listOwnPackKeys({ command, log }: ReplayedAct): string[] {
  const keys = toRepositoryKeys({ tenant_id: command.tenant_id, project_id: command.params.project_id });
  return log.flatMap((line) => {
    const hash = /^stores pack-([0-9a-f]{40}) /.exec(line)?.[1];
    return hash === undefined ? [] : [keys.pack(hash), keys.index(hash)];
  });
}
