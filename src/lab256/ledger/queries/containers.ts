import type { Db } from "../../database/database.js";

/** Lists the containers of the ledger with their tenants, for anchoring, verification and the sweep of permits. */
export async function listLedgerContainers(db: Db): Promise<{ container: string; tenant_id: string }[]> {
  return db.selectFrom("ledger_heads").select(["container", "tenant_id"]).orderBy("container").execute();
}
