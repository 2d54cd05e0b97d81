import { hashBlake3 } from "../../../domain/bytes/hash.js";
import type { Db } from "../../database/database.js";

/** A WebAuthn relying party: `id` is a domain, `origins` are the pages that may request assertions (`https://registry.example`). */
export interface RelyingParty {
  readonly id: string;
  readonly origins: readonly string[];
}

export interface PasskeyEntry {
  readonly credential_id: string;
  readonly name: string;
  readonly transports: readonly string[];
  readonly created_at_ms: number;
  readonly disabled: boolean;
}

/** Computes a person's WebAuthn user handle: 32 bytes that reveal nothing about the person (WebAuthn Level 3 §14.6.1). */
export function computeUserHandle(personId: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(hashBlake3(Buffer.from(personId, "utf8")));
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
