import type { TelemetryAppendParams } from "../../domain/act/job.js";
import { denyWith, grantValue, type Outcome } from "../../domain/denial.js";
import { ZERO_ID } from "../../domain/git/git-id.js";
import { toRepositoryName } from "../../domain/telemetry/line.js";
import { runOnProject } from "../../planning/open-project.js";
import { type AppendChange, fetchBatch, prepareAppend, TELEMETRY_REF } from "../../planning/telemetry/append-change.js";
import { readCommitLinks } from "../../repository/objects/object-source.js";
import type { OpenRepository } from "../../repository/open-repository.js";
import type { Effects, ExecuteInput, JobContext, JobHandler } from "./job.js";
import { findEarlierMove, publishChange } from "./publish.js";

/**
 * Appends telemetry lines to `main` of the tenant's telemetry repository and rewrites the dashboards of their projects (contracts "Infra
 * registry v2"). Each line is appended exactly once, because the branch records the last ledger entry that it contains.
 */
export const telemetryAppendJob: JobHandler<TelemetryAppendParams> = {
  execute(context, input): Promise<Outcome<Effects>> {
    const { params, jti, making } = input;
    return runOnProject(context, params.project_id, async (repository) => {
      const record = await findEarlierMove(context, repository, jti, "an earlier attempt had appended the lines");
      if (record !== undefined) {
        const [old = ZERO_ID] = (await readCommitLinks(repository, record.id)).parents;
        return grantValue(
          buildAppendEffects(context, params, { tip: record.id, old, previous_act: record.previous_act, staged_bytes: 0, stored_bytes: 0 }),
        );
      }
      await context.completeStep("looked");
      const batch = await fetchBatch(context, repository, params);
      if (!batch.ok) return batch;
      context.log(`fetched ${params.lines} lines with BLAKE3 ${params.subject_hash}`);
      await context.completeStep("fetched");
      const change = await prepareAppend(context, repository, params, batch.value, making);
      if (!change.ok) return change;
      if (change.value.kind === "append") return publishAppend(context, repository, input, change.value);
      context.log("every line is already there");
      return grantValue(buildAppendEffects(context, params, { ...change.value, old: undefined, previous_act: null, stored_bytes: 0 }));
    });
  },
};

async function publishAppend(
  context: JobContext,
  repository: OpenRepository,
  { jti, params }: ExecuteInput<TelemetryAppendParams>,
  { old, tip, pack, staged_bytes, file_bytes, added }: Extract<AppendChange, { kind: "append" }>,
): Promise<Outcome<Effects>> {
  context.log(`checked ${tip}: ${added.lines} lines of ${added.projects} projects, after seq ${added.after_seq}`);
  await context.completeStep("checked");
  context.log(`moves ${TELEMETRY_REF} from ${old} to ${tip}`);
  const refs = [{ name: TELEMETRY_REF, old, new: tip }];
  const published = await publishChange(context, repository, { jti, pack, refs, act: { id: tip }, logCommit: tip });
  if (!published.ok && published.denial.code === "ref_moved")
    return denyWith(
      "telemetry_conflict",
      `Another act moved ${TELEMETRY_REF} meanwhile. The batch is sent again once that act is recorded.`,
    );
  if (!published.ok) return published;
  const { previous_act, stored_bytes } = published.value;
  return grantValue(buildAppendEffects(context, params, { tip, old, previous_act, staged_bytes, stored_bytes, file_bytes }));
}

interface AppendResult {
  readonly tip: string;
  /** Undefined if nothing moved. */
  readonly old: string | undefined;
  readonly previous_act: string | null;
  readonly staged_bytes: number;
  readonly stored_bytes: number;
  /** Known only to the attempt that appended. */
  readonly file_bytes?: number;
}

function buildAppendEffects(
  { tenant_id }: JobContext,
  { project_id, from_seq, to_seq }: TelemetryAppendParams,
  { tip, old, previous_act, staged_bytes, stored_bytes, file_bytes }: AppendResult,
): Effects {
  const size = file_bytes === undefined ? {} : { file_bytes };
  return {
    refs: old === undefined ? [] : [{ name: TELEMETRY_REF, old, new: tip }],
    previous_act,
    commit: tip,
    artifacts: [{ telemetry_repo: toRepositoryName(tenant_id, project_id), from_seq, to_seq, commit: tip, ...size }],
    staged_bytes,
    stored_bytes,
  };
}
