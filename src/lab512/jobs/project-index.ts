import { z } from "zod";
import type { JobParams } from "../../domain/act/job.js";
import { toProjectIndexKey } from "../../domain/storage-key.js";
import type { OpenRepository } from "../../repository/open-repository.js";
import { compareRefNames } from "../../repository/refs/packed-refs.js";
import { listVisibleRefs } from "../../repository/refs/refs-state.js";
import { derivePointer } from "../git/derive-pointer.js";
import type { ExecuteInput, JobContext } from "./job.js";
import { runOnReceiptedProject } from "./receipted-project.js";
import { toStoredJson } from "./stored-json.js";

const lastActSchema = z.object({ jti: z.string(), job_type: z.string(), actor_id: z.string(), finished_at: z.number() });

/** The part of `index.json` that is read back. */
const indexSchema = z.object({ last_act: lastActSchema });

/**
 * Writes a project's `index.json`: refs, head and last act. It is derived from `packed-refs` and from the act that moved them, which
 * finished at `finished_at` (milliseconds since 1970). An older state never replaces it.
 */
export function writeProjectIndex(context: JobContext, act: ExecuteInput<JobParams>, finished_at: number): Promise<void> {
  return runOnReceiptedProject(context, act.params.project_id, act.jti, (repository) => writeIndex(context, repository, act, finished_at));
}

async function writeIndex(
  context: JobContext,
  repository: OpenRepository,
  { jti, permit }: ExecuteInput<JobParams>,
  finished_at: number,
): Promise<void> {
  const { project_id, tenant_id } = repository.name;
  const own = { jti, job_type: permit.scopes.jobType, actor_id: permit.scopes.actor_id, finished_at };
  await derivePointer(context.store, repository, toProjectIndexKey(tenant_id, project_id), (state, before) => {
    const stored = before === undefined ? undefined : parseLastAct(before);
    const refs = listVisibleRefs(state.refs).sort(([a], [b]) => compareRefNames(a, b));
    return toStoredJson({
      tenant_id,
      project_id,
      head: "refs/heads/main",
      refs: refs.map(([name, { id, peeled }]) => (peeled === undefined ? { name, id } : { name, id, commit: peeled })),
      // A late derivation writes the current refs but keeps the later act.
      last_act: stored !== undefined && stored.jti !== own.jti && stored.finished_at > own.finished_at ? stored : own,
    });
  });
}

/** Returns undefined for an unreadable index. It is a derived object and is simply written again. */
function parseLastAct(bytes: Uint8Array) {
  const text = Buffer.from(bytes).toString("utf8");
  if (!text.startsWith("{") || !text.endsWith("}\n")) return undefined;
  const parsed = indexSchema.safeParse(JSON.parse(text));
  return parsed.success ? parsed.data.last_act : undefined;
}
