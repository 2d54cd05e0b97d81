import { sql } from "kysely";
import { ZERO_ID } from "../../../domain/git/git-id.js";
import type { Db } from "../../database/database.js";

interface Project {
  readonly tenant_id: string;
  readonly project_id: string;
}

export interface Pushers {
  /** Each person once, in order. */
  readonly person_ids: readonly string[];
  /** False if the pushers of some commit are unknown. The list then contains everyone who may have pushed it. */
  readonly exact: boolean;
}

/**
 * Finds the persons who pushed one of `commits`, which are in the repository, or moved a branch to it. If there are too many commits to
 * name (null), or no recorded push introduced one of them, lists everyone who ever pushed to the project: excluding one person too many
 * is safer than missing the pusher. Source: contracts "Levels".
 */
export async function findPushers(db: Db, query: Project & { readonly commits: readonly string[] | null }): Promise<Pushers> {
  const { commits } = query;
  if (commits !== null && commits.length === 0) return { person_ids: [], exact: true };
  const covered = commits === null ? undefined : await readPushCoverage(db, query, commits);
  if (commits === null || covered === undefined || covered.count < commits.length)
    return { person_ids: await listAllPushers(db, query), exact: false };
  return { person_ids: await listPushersOfCommits(db, query, commits, covered.since_seq), exact: true };
}

/**
 * Reads how many of the commits have a push that is known to have introduced them, and the ledger position from which that is certain:
 * when the permit of such a push was issued, no earlier finished push had introduced the commit.
 */
async function readPushCoverage(
  db: Db,
  { tenant_id, project_id }: Project,
  commits: readonly string[],
): Promise<{ count: number; since_seq: number } | undefined> {
  const { rows } = await sql<{ count: number; since_seq: number | null }>`
    select count(*) as count, min(since_seq) as since_seq from (
      select max(permit.seq) as since_seq
      from registry_pushed_commits pushed
      join permits permit on permit.tenant_id = pushed.tenant_id and permit.jti = pushed.jti
      where pushed.tenant_id = ${tenant_id} and pushed.project_id = ${project_id} and pushed.brought
        and pushed.commit = any(${[...commits]}::text[])
      group by pushed.commit
    ) brought`.execute(db);
  const [row] = rows;
  return row === undefined || row.since_seq === null ? undefined : { count: row.count, since_seq: row.since_seq };
}

/** Includes the pushers of receipts recorded after `sinceSeq` that do not name the commits they introduced. */
async function listPushersOfCommits(
  db: Db,
  { tenant_id, project_id }: Project,
  commits: readonly string[],
  sinceSeq: number,
): Promise<string[]> {
  const { rows } = await sql<{ person_id: string }>`
    select distinct actor.person_id
    from registry_pushed_commits pushed
    join actors actor on actor.tenant_id = pushed.tenant_id and actor.actor_id = pushed.actor_id
    where pushed.tenant_id = ${tenant_id} and pushed.project_id = ${project_id} and actor.person_id is not null
      and (pushed.commit = any(${[...commits]}::text[]) or (pushed.commit = ${ZERO_ID} and pushed.seq > ${sinceSeq}))
    union
    select actor.person_id from (${selectRunningPushers(tenant_id, project_id)}) pusher
    join actors actor on actor.tenant_id = ${tenant_id} and actor.actor_id = pusher.actor_id
    where actor.person_id is not null
    order by person_id`.execute(db);
  return rows.map(({ person_id }) => person_id);
}

/** A running push may have moved its branch before its receipt is recorded. */
function selectRunningPushers(tenantId: string, projectId: string) {
  return sql`select command.actor_id from commands command
      where command.tenant_id = ${tenantId} and command.project_id = ${projectId} and command.status = 'running'
        and command.job_type in ('git.registry.push', 'git.registry.merge_protected')`;
}

/** Includes the holders of unused permits, who may have pushed commits that no flow has recorded yet. */
async function listAllPushers(db: Db, { tenant_id, project_id }: Project): Promise<string[]> {
  const { rows } = await sql<{ person_id: string }>`
    select distinct actor.person_id
    from (
      select pushed.actor_id from registry_pushed_commits pushed where pushed.tenant_id = ${tenant_id} and pushed.project_id = ${project_id}
      union all
      select permit.actor_id from permits permit
      where permit.tenant_id = ${tenant_id} and permit.status = 'issued' and permit.permit->'scopes'->>'jobType' in ('git.registry.push', 'git.registry.merge_protected')
      union all
      ${selectRunningPushers(tenant_id, project_id)}
    ) pusher
    join actors actor on actor.tenant_id = ${tenant_id} and actor.actor_id = pusher.actor_id
    where actor.person_id is not null
    order by actor.person_id`.execute(db);
  return rows.map(({ person_id }) => person_id);
}
