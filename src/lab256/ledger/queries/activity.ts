import type { Selectable } from "kysely";
import type { Db } from "../../database/database.js";
import type { ProjectionTables } from "../../database/tables/projections.js";
import { computeRowLimit, type Page, type PageRequest, toPage } from "./page.js";

/** One `project.activity`. `seq` is its position in the tenant's ledger. Source: ADR-002 §7. */
export type ActivityItem = Omit<Selectable<ProjectionTables["registry_activity"]>, "tenant_id">;

/** Lists the activities of a tenant or of one project, the latest first. */
export async function listActivities(
  db: Db,
  query: PageRequest & { readonly tenant_id: string; readonly project_id?: string | undefined },
): Promise<Page<ActivityItem>> {
  let select = db
    .selectFrom("registry_activity")
    .select(["seq", "project_id", "action", "actor", "ref", "commit", "break_glass", "at_ms"])
    .where("tenant_id", "=", query.tenant_id);
  if (query.project_id !== undefined) select = select.where("project_id", "=", query.project_id);
  if (query.after !== undefined) select = select.where("seq", "<", query.after);
  const rows = await select.orderBy("seq", "desc").limit(computeRowLimit(query)).execute();
  return toPage(rows, query, (row) => row);
}
