import type { CharterChange } from "../../domain/charter/change.js";
import type { CharterEntry } from "../../domain/charter/entry.js";
import type { Db } from "../database/database.js";
import type { Transport } from "../database/tables/identity.js";

export interface Tenant {
  readonly tenant_id: string;
  readonly transport: Transport;
  readonly created_at_ms: number;
}

/** Adds a tenant. Returns false and changes nothing if one with this id exists. */
export async function createTenant(db: Db, tenant: { tenant_id: string; transport: Transport }): Promise<boolean> {
  const inserted = await db
    .insertInto("tenants")
    .values(tenant)
    .onConflict((conflict) => conflict.doNothing())
    .returning("tenant_id")
    .executeTakeFirst();
  return inserted !== undefined;
}

/** Adds the tenants that entries of the operator's charter found. */
export async function projectTenants(db: Db, entries: readonly CharterEntry[]): Promise<void> {
  for (const tenant_id of entries.flatMap(({ change }) => listFoundedTenants(change)))
    await createTenant(db, { tenant_id, transport: "temporal" });
}

function listFoundedTenants({ jobType, params }: CharterChange): readonly string[] {
  if (jobType === "registry.charter.found") return Object.keys(params.tenants);
  return jobType === "registry.tenant.found" ? [params.tenant_id] : [];
}

export async function findTenant(db: Db, tenantId: string): Promise<Tenant | undefined> {
  const row = await db.selectFrom("tenants").selectAll().where("tenant_id", "=", tenantId).executeTakeFirst();
  return row && toTenant(row);
}

/** Lists every tenant, ordered by id. */
export async function listTenants(db: Db): Promise<Tenant[]> {
  const rows = await db.selectFrom("tenants").selectAll().orderBy("tenant_id").execute();
  return rows.map(toTenant);
}

function toTenant(row: { tenant_id: string; transport: Transport; created_at: Date }): Tenant {
  return { tenant_id: row.tenant_id, transport: row.transport, created_at_ms: row.created_at.getTime() };
}
