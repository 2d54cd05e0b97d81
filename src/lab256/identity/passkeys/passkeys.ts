import type { Db } from "../../database/database.js";

export interface PasskeyEntry {
  readonly credential_id: string;
  readonly name: string;
  readonly transports: readonly string[];
  readonly created_at_ms: number;
  readonly disabled: boolean;
}

/** Lists a person's passkeys for a tenant, oldest first. */
export async function listPasskeys(db: Db, tenantId: string, personId: string): Promise<PasskeyEntry[]> {
  const rows = await db
    .selectFrom("passkeys")
    .select(["credential_id", "name", "transports", "created_at", "disabled_at"])
    .where("tenant_id", "=", tenantId)
    .where("person_id", "=", personId)
    .orderBy("created_at")
    .orderBy("credential_id")
    .execute();
  return rows.map(({ credential_id, name, transports, created_at, disabled_at }) => ({
    credential_id,
    name,
    transports,
    created_at_ms: created_at.getTime(),
    disabled: disabled_at !== null,
  }));
}
