import type { Db } from "../../database/database.js";

/**
 * The persons who ever pushed to the project, each once, in order. They do not approve what is released from it: an activity names the
 * tip of its push alone, so which commits a push brought cannot be told from the ledger, and rather one person too many is left out
 * than the one who pushed. Source: contracts "Levels".
 */
export async function pushersOf(db: Db, query: { readonly tenant_id: string; readonly project_id: string }): Promise<string[]> {
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
    .where("actors.person_id", "is not", null)
    .orderBy("actors.person_id")
    .execute();
  return rows.flatMap(({ person_id }) => person_id ?? []);
}
