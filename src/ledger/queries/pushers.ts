import type { Db } from "../../database/database.js";

/**
 * The persons who pushed to the project since its last release, or one of `commits` at any time, each once, in order. They do not count
 * as approvers at L3 and above. An activity names the tip of its push alone, so who pushed the commits below it is found by time:
 * rather one person too many is left out than the one who pushed. Source: contracts "Levels".
 */
export async function pushersOf(
  db: Db,
  query: { readonly tenant_id: string; readonly project_id: string; readonly commits: readonly string[] },
): Promise<string[]> {
  const { tenant_id, project_id, commits } = query;
  const rows = await db
    .selectFrom("registry_activity as activity")
    .innerJoin("actors", (join) =>
      join.onRef("actors.tenant_id", "=", "activity.tenant_id").onRef("actors.actor_id", "=", "activity.actor"),
    )
    .select("actors.person_id")
    .distinct()
    .where("activity.tenant_id", "=", tenant_id)
    .where("activity.project_id", "=", project_id)
    .where("activity.action", "=", "push")
    .where("actors.person_id", "is not", null)
    .where((row) =>
      row.or([
        row("activity.commit", "in", commits.length === 0 ? [""] : commits),
        row(
          "activity.seq",
          ">",
          row
            .selectFrom("registry_activity as release")
            .select((column) => column.fn.coalesce(column.fn.max("release.seq"), column.lit(0)).as("seq"))
            .where("release.tenant_id", "=", tenant_id)
            .where("release.project_id", "=", project_id)
            .where("release.action", "=", "tag"),
        ),
      ]),
    )
    .orderBy("actors.person_id")
    .execute();
  return rows.flatMap(({ person_id }) => person_id ?? []);
}
