import type { Db } from "../../database/database.js";

/**
 * The persons who pushed one of `commits` to the project, each once, in order; somebody who acted through an agent of theirs counts
 * too. They do not count as approvers at L3 and above. Source: contracts "Levels".
 */
export async function pushersOf(
  db: Db,
  query: { readonly tenant_id: string; readonly project_id: string; readonly commits: readonly string[] },
): Promise<string[]> {
  if (query.commits.length === 0) return [];
  const rows = await db
    .selectFrom("registry_activity as activity")
    .innerJoin("actors", (join) =>
      join.onRef("actors.tenant_id", "=", "activity.tenant_id").onRef("actors.actor_id", "=", "activity.actor"),
    )
    .select("actors.person_id")
    .distinct()
    .where("activity.tenant_id", "=", query.tenant_id)
    .where("activity.project_id", "=", query.project_id)
    .where("activity.action", "=", "push")
    .where("activity.commit", "in", query.commits)
    .where("actors.person_id", "is not", null)
    .orderBy("actors.person_id")
    .execute();
  return rows.flatMap(({ person_id }) => person_id ?? []);
}
