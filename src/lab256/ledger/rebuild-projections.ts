import { toRegistryContainer } from "../../domain/ledger/event.js";
import type { Db, Trx } from "../database/database.js";
import { PROJECTIONS } from "../database/tables/projections.js";
import { replayEntries } from "./replay.js";

export interface RebuiltProjections {
  readonly tenant_id: string;
  readonly entries: number;
}

/**
 * Rebuilds the projections of one tenant, or of all, from the ledger alone. Each tenant takes one transaction: readers see the old rows
 * until it commits, and the tenant's appends wait. Source: contracts "Events and projections".
 */
export async function rebuildProjections(db: Db, tenantId?: string): Promise<RebuiltProjections[]> {
  const tenants = tenantId === undefined ? await listLedgerTenants(db) : [tenantId];
  const all: RebuiltProjections[] = [];
  for (const tenant of tenants) all.push(await db.transaction().execute((trx) => rebuildTenantProjections(trx, tenant)));
  return all;
}

async function rebuildTenantProjections(trx: Trx, tenantId: string): Promise<RebuiltProjections> {
  await trx.selectFrom("ledger_heads").select("seq").where("container", "=", toRegistryContainer(tenantId)).forUpdate().execute();
  for (const table of PROJECTIONS) await trx.deleteFrom(table).where("tenant_id", "=", tenantId).execute();
  return { tenant_id: tenantId, entries: await replayEntries(trx, tenantId) };
}

async function listLedgerTenants(db: Db): Promise<string[]> {
  const rows = await db.selectFrom("ledger_heads").select("tenant_id").distinct().orderBy("tenant_id").execute();
  return rows.map((row) => row.tenant_id);
}
