import { jwksSchema } from "../../domain/bytes/jwks.js";
import type { Jwks, PublicJwk } from "../../domain/bytes/signature.js";
import type { Target } from "../../domain/ids.js";
import type { Db } from "../database/database.js";

/**
 * Registers the key with which a tenant's runner of this target signs receipts. Registering it again changes nothing, even if it was
 * revoked.
 */
export async function addRunnerKey(db: Db, tenantId: string, target: Target, jwk: PublicJwk): Promise<void> {
  jwksSchema.parse({ keys: [jwk] });
  await db
    .insertInto("runner_keys")
    .values({ tenant_id: tenantId, target, kid: jwk.kid, jwk: JSON.stringify(jwk) })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
}

/** Lists the keys that currently sign receipts for this tenant and target. */
export async function listRunnerKeys(db: Db, tenantId: string, target: Target): Promise<Jwks> {
  return { keys: (await readRegisteredKeys(db, tenantId, target)).keys };
}

/** Reads those keys, and the ids of the registered keys that were revoked. */
export async function readRegisteredKeys(
  db: Db,
  tenantId: string,
  target: Target,
): Promise<Jwks & { readonly revoked: ReadonlySet<string> }> {
  const rows = await db
    .selectFrom("runner_keys")
    .select(["kid", "jwk", "revoked_at"])
    .where("tenant_id", "=", tenantId)
    .where("target", "=", target)
    .orderBy("added_at")
    .orderBy("kid")
    .execute();
  const { keys } = jwksSchema.parse({ keys: rows.filter((row) => row.revoked_at === null).map((row) => row.jwk) });
  return { keys, revoked: new Set(rows.filter((row) => row.revoked_at !== null).map((row) => row.kid)) };
}
