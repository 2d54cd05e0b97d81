import { randomUUID } from "node:crypto";
import type { Target } from "../../domain/ids.js";
import { isServiceActor } from "../../domain/service-actor.js";
import type { Db } from "../database/database.js";
import { hashToken } from "./token-text.js";

/** `expires_at_ms` is null for a token that never expires. With `runner_target`, it is the token of a runner that pulls for that target. */
export interface NewToken {
  readonly tenant_id: string;
  readonly actor_id: string;
  readonly name: string;
  readonly expires_at_ms: number | null;
  readonly runner_target: Target | null;
}

/**
 * Stores a token whose text is already known. Returns `undefined` and changes nothing if it is already stored.
 *
 * @throws for one of the registry's own services, which have no tokens.
 */
export async function storeToken(db: Db, token: NewToken, text: string): Promise<string | undefined> {
  const { tenant_id, actor_id, name, expires_at_ms, runner_target } = token;
  if (isServiceActor(actor_id)) throw new Error(`${actor_id} is one of the registry's own services and has no token; name another actor.`);
  const expires_at = expires_at_ms === null ? null : new Date(expires_at_ms);
  const inserted = await db
    .insertInto("tokens")
    .values({ token_hash: hashToken(text), token_id: randomUUID(), tenant_id, actor_id, name, expires_at, runner_target })
    .onConflict((conflict) => conflict.column("token_hash").doNothing())
    .returning("token_id")
    .executeTakeFirst();
  return inserted?.token_id;
}
