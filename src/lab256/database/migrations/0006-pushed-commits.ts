import { sql } from "kysely";
import { ZERO_ID } from "../../../domain/git/git-id.js";

const TABLE = sql`
create table registry_pushed_commits (
  tenant_id text not null, project_id text not null, commit text not null, jti text not null, seq bigint not null,
  actor_id text not null, brought boolean not null,
  constraint registry_pushed_commits_pkey primary key (tenant_id, project_id, commit, jti)
)`;

/**
 * Receipts from earlier releases name no commits. Each of them yields its push's tip and a row that stands for the commits it does not
 * name.
 */
const RECORDED = sql`
insert into registry_pushed_commits (tenant_id, project_id, commit, jti, seq, actor_id, brought)
select distinct r.tenant_id, r.project_id, pushed.commit, r.jti, r.seq, r.actor_id, false
from receipts r
cross join lateral (
  select move->>'new' as commit from json_array_elements(r.receipt->'refs') move
  where move->>'name' like 'refs/heads/%' and move->>'new' <> ${sql.lit(ZERO_ID)}
) moved
cross join lateral (values (moved.commit), (${sql.lit(ZERO_ID)})) pushed (commit)
where r.status = 'success' and r.job_type = 'git.registry.push'`;

/** Adds which push introduced which commit. */
export const pushedCommitsMigration = [TABLE, RECORDED];
