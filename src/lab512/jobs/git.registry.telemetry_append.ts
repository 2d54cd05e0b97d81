import type { TelemetryAppendParams } from "../../domain/act/job.js";
import type { Plan } from "../../domain/act/plan.js";
import { denyWith, grantValue, type Outcome } from "../../domain/denial.js";
import { ZERO_ID } from "../../domain/git/git-id.js";
import { toActRef } from "../../domain/git/ref-name.js";
import { toRepositoryName } from "../../domain/telemetry/line.js";
import type { Effects, ExecuteInput, JobContext, JobHandler } from "../../planning/job.js";
import { runOnProject } from "../../planning/open-project.js";
import { type AppendChange, prepareAppend, TELEMETRY_REF } from "../../planning/telemetry/telemetry-change.js";
import { NO_DIFF } from "../../repository/history/history.js";
import { parseCommitLinks } from "../../repository/objects/object-text.js";
import type { OpenRepository } from "../../repository/open-repository.js";
import { listFinishedActs } from "../../repository/refs/finished-acts.js";
import { REGISTRY_IDENTITY } from "../../repository/registry-identity.js";
import { storePack } from "../git/store-pack.js";
import { moveJobRefs } from "./move-job-refs.js";

/**
 * Appends lines of telemetry to `main` of the tenant's telemetry repository, and makes the dashboards of their projects anew (contracts
 * "Infra registry v2"). A line lands exactly once: the branch says up to which entry of the ledger it goes. Denials:
 * `telemetry_invalid`, `telemetry_misrouted`, `telemetry_conflict`, `project_unknown`, those of staged bytes, `limit_exceeded`.
 */
export const telemetryAppendJob: JobHandler<TelemetryAppendParams> = {
  jobType: "git.registry.telemetry_append",

  plan(context, input): Promise<Outcome<Plan>> {
    return runOnProject(context, input.params.project_id, async (repository) => {
      // The plan names neither ids nor dates that come from the permit, so any instant does.
      const change = await prepareAppend(context, repository, input.params, 0);
      if (!change.ok) return change;
      const author = `${REGISTRY_IDENTITY.name} <${REGISTRY_IDENTITY.email}>`;
      const appends = change.value.kind === "append" ? [change.value] : [];
      const creates = await Promise.all(
        appends.map(async ({ tip, message }) => ({
          kind: "commit" as const,
          tree: await readTreeId(repository, tip, context.signal),
          author,
          message,
        })),
      );
      return grantValue({
        basis: {
          tenant_id: context.tenant_id,
          project_id: input.params.project_id,
          job_type: "git.registry.telemetry_append",
          target: input.target,
          params: input.params,
          refs: appends.map(({ old }) => ({ name: TELEMETRY_REF, old, new: null })),
          creates,
          policy_hash: input.policy_hash,
          infra: input.infra,
        },
        fast_forward: appends.length === 0 ? null : true,
        commit_count: appends.length,
        commits: [],
        author_emails: [],
        pushed_before: [],
        diffstat: NO_DIFF,
      });
    });
  },

  execute(context, input): Promise<Outcome<Effects>> {
    return runOnProject(context, input.params.project_id, async (repository) => {
      const record = repository.state.refs.get(toActRef(input.jti));
      if (record !== undefined) {
        context.log("an earlier attempt had appended the lines");
        await context.completeStep("moved");
        const old = await readParentId(repository, record.id);
        return grantValue(buildAppendEffects(context, input.params, { tip: record.id, old, staged_bytes: 0, stored_bytes: 0 }));
      }
      await context.completeStep("looked");
      const change = await prepareAppend(context, repository, input.params, input.permit.iat);
      if (!change.ok) return change;
      if (change.value.kind === "append") return publishAppend(context, repository, input, change.value);
      context.log("every line is there already");
      return grantValue(buildAppendEffects(context, input.params, { ...change.value, old: undefined, stored_bytes: 0 }));
    });
  },
};

/** Stores the objects, then moves the branch and records the act, by one conditional write. */
async function publishAppend(
  context: JobContext,
  repository: OpenRepository,
  input: ExecuteInput<TelemetryAppendParams>,
  { old, tip, pack, staged_bytes, file_bytes }: Extract<AppendChange, { kind: "append" }>,
): Promise<Outcome<Effects>> {
  context.log(`moves ${TELEMETRY_REF} from ${old} to ${tip}`);
  const [stored_bytes, finished] = await Promise.all([
    pack === undefined ? 0 : storePack(repository, pack, context.signal),
    listFinishedActs(context.store, context.tenant_id, repository.state.refs, input.jti, repository.cache.memory.receipted),
    context.keepLog(tip),
  ]);
  await context.completeStep("stored");
  const move = { name: TELEMETRY_REF, old, new: tip };
  const moved = await moveJobRefs(context, repository, { jti: input.jti, refs: [move], act: { id: tip }, finished });
  if (!moved.ok && moved.denial.code === "ref_moved")
    return denyWith("telemetry_conflict", `Another act moved ${TELEMETRY_REF} meanwhile. The batch is sent again when that act is known.`);
  if (!moved.ok) return moved;
  await context.completeStep("moved");
  return grantValue(buildAppendEffects(context, input.params, { tip, old, staged_bytes, stored_bytes, file_bytes }));
}

/** `old` is undefined where nothing moved; `file_bytes` where nobody knows any more. */
function buildAppendEffects(
  { tenant_id }: JobContext,
  { project_id, from_seq, to_seq }: TelemetryAppendParams,
  {
    tip,
    old,
    staged_bytes,
    stored_bytes,
    file_bytes,
  }: { tip: string; old: string | undefined; staged_bytes: number; stored_bytes: number; file_bytes?: number },
): Effects {
  const size = file_bytes === undefined ? {} : { file_bytes };
  return {
    refs: old === undefined ? [] : [{ name: TELEMETRY_REF, old, new: tip }],
    commit: tip,
    artifacts: [{ telemetry_repo: toRepositoryName(tenant_id, project_id), from_seq, to_seq, commit: tip, ...size }],
    staged_bytes,
    stored_bytes,
  };
}

async function readParentId(repository: OpenRepository, commit: string): Promise<string> {
  const object = await repository.getReader().read(commit);
  if (object === undefined) throw new Error(`Commit ${commit} is recorded and not in the repository; restore it from a copy.`);
  return parseCommitLinks(object.bytes).parents[0] ?? ZERO_ID;
}

async function readTreeId(repository: OpenRepository, commit: string, signal: AbortSignal): Promise<string> {
  const { gitDir } = repository.getScratch();
  return (await repository.git.readOutput({ gitDir, args: ["rev-parse", `${commit}^{tree}`], signal })).toString("latin1").trim();
}
