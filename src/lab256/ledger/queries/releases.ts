import type { Selectable } from "kysely";
import type { Db } from "../../database/database.js";
import type { ProjectionTables } from "../../database/tables/projections.js";
import { computeRowLimit, type Page, type PageRequest, toPage } from "./page.js";

export type ReleaseItem = Readonly<Omit<Selectable<ProjectionTables["registry_releases"]>, "tenant_id" | "seq">>;

/** Lists the releases of a tenant or of one project, the latest first. Source: ADR-002 §3. */
export async function listReleases(
  db: Db,
  query: PageRequest & { readonly tenant_id: string; readonly project_id?: string | undefined },
): Promise<Page<ReleaseItem>> {
  let select = db
    .selectFrom("registry_releases")
    .select(["seq", "project_id", "tag", "commit", "notes_hash", "tagged_at"])
    .where("tenant_id", "=", query.tenant_id);
  if (query.project_id !== undefined) select = select.where("project_id", "=", query.project_id);
  if (query.after !== undefined) select = select.where("seq", "<", query.after);
  const rows = await select.orderBy("seq", "desc").limit(computeRowLimit(query)).execute();
  return toPage(rows, query, ({ seq: _, ...release }) => release);
}
