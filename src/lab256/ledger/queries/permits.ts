import type { Selectable } from "kysely";
import type { Db } from "../../database/database.js";
import type { ProjectionTables } from "../../database/tables/projections.js";
import { computeRowLimit, type PageRequest } from "./page.js";

/** A signed permit and its status. */
export type PermitItem = Selectable<ProjectionTables["permits"]>;

export async function findPermitByJti(db: Db, query: Pick<PermitItem, "tenant_id" | "jti">): Promise<PermitItem | undefined> {
  return db.selectFrom("permits").selectAll().where("tenant_id", "=", query.tenant_id).where("jti", "=", query.jti).executeTakeFirst();
}

/** Finds the permit of a card that was issued last. */
export async function findPermitByCard(
  db: Db,
  query: { readonly tenant_id: string; readonly card_id: string },
): Promise<PermitItem | undefined> {
  return db
    .selectFrom("permits")
    .selectAll()
    .where("tenant_id", "=", query.tenant_id)
    .where("card_id", "=", query.card_id)
    .orderBy("seq", "desc")
    .limit(1)
    .executeTakeFirst();
}

/** The permit after which a list of overdue permits continues. */
export type OverdueAfter = Pick<PermitItem, "exp" | "seq">;

/**
 * Lists permits that are still unused after their `exp`, the longest overdue first. Recording one as expired or used removes it from the
 * list.
 */
export async function listOverduePermits(
  db: Db,
  query: Omit<PageRequest, "after"> & { readonly tenant_id: string; readonly nowMs: number; readonly after?: OverdueAfter | undefined },
): Promise<PermitItem[]> {
  const { after } = query;
  let select = db
    .selectFrom("permits")
    .selectAll()
    .where("tenant_id", "=", query.tenant_id)
    .where("status", "=", "issued")
    .where("exp", "<", query.nowMs);
  if (after !== undefined)
    select = select.where((row) => row.or([row("exp", ">", after.exp), row.and([row("exp", "=", after.exp), row("seq", ">", after.seq)])]));
  const rows = await select.orderBy("exp").orderBy("seq").limit(computeRowLimit(query)).execute();
  return rows.slice(0, query.limit);
}
