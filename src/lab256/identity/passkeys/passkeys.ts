import type { Db } from "../../database/database.js";

export interface PasskeyEntry {
  readonly credential_id: string;
  readonly name: string;
  readonly transports: readonly string[];
  readonly created_at_ms: number;
  readonly disabled: boolean;
}

/** Lists a person's passkeys, oldest first; with a tenant, only those that serve it. */
export async function listPasskeys(db: Db, personId: string, tenantId?: string): Promise<PasskeyEntry[]> {
  let select = db
    .selectFrom("passkeys")
    .select(["credential_id", "name", "transports", "created_at", "disabled_at"])
    .where("person_id", "=", personId)
    .orderBy("created_at")
    .orderBy("credential_id");
  if (tenantId !== undefined) select = select.where((eb) => eb.or([eb("tenant_id", "is", null), eb("tenant_id", "=", tenantId)]));
  const rows = await select.execute();
  return rows.map(({ credential_id, name, transports, created_at, disabled_at }) => ({
    credential_id,
    name,
    transports,
    created_at_ms: created_at.getTime(),
    disabled: disabled_at !== null,
  }));
}
