import { computePasskeyFingerprint } from "../../../domain/charter/passkeys.js";
import type { Passkey } from "../../../domain/charter/records.js";
import type { Db } from "../../database/database.js";
import type { PasskeyEntry } from "./passkeys.js";

/** A registered passkey with the record by which a charter can name it. */
export interface RegisteredPasskey extends PasskeyEntry {
  /** See {@link computePasskeyFingerprint}. */
  readonly fingerprint: string;
  readonly record: Passkey;
  /** Whether the tenant's charter names it, so that it counts. */
  readonly counts: boolean;
}

/** Lists a person's passkeys for a tenant, oldest first. `rpId` is the relying party of passkeys that were registered before it was stored. */
export async function listRegisteredPasskeys(db: Db, tenantId: string, personId: string, rpId: string): Promise<RegisteredPasskey[]> {
  const rows = await db
    .selectFrom("passkeys")
    .selectAll()
    .where("tenant_id", "=", tenantId)
    .where("person_id", "=", personId)
    .orderBy("created_at")
    .orderBy("credential_id")
    .execute();
  return rows.map(({ credential_id, name, transports, created_at, disabled_at, ...stored }) => {
    const { client_data_json, attestation_object, relying_party } = stored;
    const record: Passkey = {
      credential_id,
      public_key: stored.public_key.toString("base64url"),
      name,
      relying_party: relying_party ?? rpId,
      registration: client_data_json === null || attestation_object === null ? null : { client_data_json, attestation_object },
      counts_to: "L5",
    };
    return {
      credential_id,
      name,
      transports,
      created_at_ms: created_at.getTime(),
      disabled: disabled_at !== null,
      fingerprint: computePasskeyFingerprint(record),
      record,
      counts: stored.in_charter && disabled_at === null,
    };
  });
}
