/**
 * Changes of identities that the registry does not offer. The database has their columns and every check reads them, but only tests write
 * them.
 */
import type { Target } from "../../src/domain/ids.js";
import type { Db } from "../../src/lab256/database/database.js";
import { createTokenText } from "../../src/lab256/identity/token-text.js";
import { type NewToken, storeToken } from "../../src/lab256/identity/tokens.js";

/** A token in a list, without its text. Times in milliseconds since 1970. */
export interface TokenEntry extends NewToken {
  readonly token_id: string;
  readonly created_at_ms: number;
  readonly revoked_at_ms: number | null;
  readonly last_used_at_ms: number | null;
}

/** Disables an actor, whose tokens and statements are then refused. Returns `false` if there is no active one. */
export async function disableActor(db: Db, tenantId: string, actorId: string, nowMs: number): Promise<boolean> {
  const { numUpdatedRows } = await db
    .updateTable("actors")
    .set({ disabled_at: new Date(nowMs) })
    .where("tenant_id", "=", tenantId)
    .where("actor_id", "=", actorId)
    .where("disabled_at", "is", null)
    .executeTakeFirstOrThrow();
  return numUpdatedRows > 0n;
}

/** Removes an actor from an office. Returns `false` if the actor does not hold it. */
export async function removeMembership(db: Db, tenantId: string, actorId: string, officeId: string): Promise<boolean> {
  const { numDeletedRows } = await db
    .deleteFrom("memberships")
    .where("tenant_id", "=", tenantId)
    .where("actor_id", "=", actorId)
    .where("office_id", "=", officeId)
    .executeTakeFirstOrThrow();
  return numDeletedRows > 0n;
}

/** Disables a passkey, which is then refused. Returns `false` if the person has no such active passkey. */
export async function disablePasskey(db: Db, personId: string, credentialId: string, nowMs: number): Promise<boolean> {
  const { numUpdatedRows } = await db
    .updateTable("passkeys")
    .set({ disabled_at: new Date(nowMs) })
    .where("person_id", "=", personId)
    .where("credential_id", "=", credentialId)
    .where("disabled_at", "is", null)
    .executeTakeFirstOrThrow();
  return numUpdatedRows > 0n;
}

/** Revokes a Runner's key, whose signatures are then refused. Returns `false` if there is no such active key. */
export async function revokeRunnerKey(db: Db, tenantId: string, target: Target, kid: string, nowMs: number): Promise<boolean> {
  const { numUpdatedRows } = await db
    .updateTable("runner_keys")
    .set({ revoked_at: new Date(nowMs) })
    .where("tenant_id", "=", tenantId)
    .where("target", "=", target)
    .where("kid", "=", kid)
    .where("revoked_at", "is", null)
    .executeTakeFirstOrThrow();
  return numUpdatedRows > 0n;
}

/** Creates a token. Returns its text, which is not stored. @throws if the tenant has no such actor. */
export async function createToken(db: Db, token: NewToken): Promise<{ token: string; token_id: string }> {
  const text = createTokenText();
  const token_id = await storeToken(db, token, text);
  if (token_id === undefined) throw new Error("A new token has the text of a stored one: the machine's random source is broken.");
  return { token: text, token_id };
}

/** Revokes a token. Returns `false` if the tenant has no such active token. */
export async function revokeToken(db: Db, tenantId: string, tokenId: string, nowMs: number): Promise<boolean> {
  const { numUpdatedRows } = await db
    .updateTable("tokens")
    .set({ revoked_at: new Date(nowMs) })
    .where("tenant_id", "=", tenantId)
    .where("token_id", "=", tokenId)
    .where("revoked_at", "is", null)
    .executeTakeFirstOrThrow();
  return numUpdatedRows > 0n;
}

/** Lists an actor's tokens, newest first. */
export async function listTokens(db: Db, tenantId: string, actorId: string): Promise<TokenEntry[]> {
  const rows = await db
    .selectFrom("tokens")
    .selectAll()
    .where("tenant_id", "=", tenantId)
    .where("actor_id", "=", actorId)
    .orderBy("created_at", "desc")
    .orderBy("token_id")
    .execute();
  return rows.map(({ token_id, tenant_id, actor_id, name, runner_target, ...times }) => ({
    token_id,
    tenant_id,
    actor_id,
    name,
    runner_target,
    created_at_ms: times.created_at.getTime(),
    expires_at_ms: times.expires_at?.getTime() ?? null,
    revoked_at_ms: times.revoked_at?.getTime() ?? null,
    last_used_at_ms: times.last_used_at?.getTime() ?? null,
  }));
}
