import { randomUUID } from "node:crypto";
import type { Target } from "../../domain/ids.js";
import { isServiceActor } from "../../domain/service-actor.js";
import type { Db } from "../database/database.js";
import { createTokenText, hashToken } from "./token-text.js";

/** What to make: `expires_at_ms` null never expires; `runner_target` makes it the token of a runner that pulls for that target. */
export interface NewToken {
  readonly tenant_id: string;
  readonly actor_id: string;
  readonly name: string;
  readonly expires_at_ms: number | null;
  readonly runner_target: Target | null;
}

/** A token as its owner sees it in a list: everything but the text. Times in milliseconds since 1970. */
export interface TokenEntry extends NewToken {
  readonly token_id: string;
  readonly created_at_ms: number;
  readonly revoked_at_ms: number | null;
  readonly last_used_at_ms: number | null;
}

/** Makes a token and answers its text, for the only time. @throws when the tenant has no such actor. */
export async function createToken(db: Db, token: NewToken): Promise<{ token: string; token_id: string }> {
  const text = createTokenText();
  const token_id = await storeToken(db, token, text);
  if (token_id === undefined) throw new Error("A new token has the text of one that is stored; the machine's randomness is broken.");
  return { token: text, token_id };
}

/**
 * Stores a token whose text is known already; `undefined` when it is stored, which then stays as it is.
 *
 * @throws for a service of the registry itself, which acts without one.
 */
export async function storeToken(db: Db, token: NewToken, text: string): Promise<string | undefined> {
  const { tenant_id, actor_id, name, expires_at_ms, runner_target } = token;
  if (isServiceActor(actor_id)) throw new Error(`${actor_id} is a service of the registry itself and has no token; name another actor.`);
  const expires_at = expires_at_ms === null ? null : new Date(expires_at_ms);
  const inserted = await db
    .insertInto("tokens")
    .values({ token_hash: hashToken(text), token_id: randomUUID(), tenant_id, actor_id, name, expires_at, runner_target })
    .onConflict((conflict) => conflict.column("token_hash").doNothing())
    .returning("token_id")
    .executeTakeFirst();
  return inserted?.token_id;
}

/** From now on the token is refused; `false` when the tenant has no such token that was still good. */
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

/** An actor's tokens, newest first. */
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
