import { jsonArrayFrom } from "kysely/helpers/postgres";
import { type ActorKind, parseActorKind, type Target } from "../../domain/ids.js";
import { isServiceActor } from "../../domain/service-actor.js";
import type { Db } from "../database/database.js";
import { isHeld, type Membership } from "./memberships.js";
import { hashToken } from "./token-text.js";

/** The authenticated caller. `runner_target` is null except for runners that pull over HTTP. */
export interface Principal {
  readonly tenant_id: string;
  readonly actor_id: string;
  readonly kind: ActorKind;
  readonly person_id: string | null;
  readonly offices: readonly Membership[];
  readonly runner_target: Target | null;
  readonly token_id: string;
}

const LAST_USED_STEP_MS = 3_600_000;
const TOKEN_CHARACTERS_MAX = 256;

/**
 * Returns the principal of a bearer token, or `undefined` if the token is unknown, revoked or expired, or its actor is disabled or one of
 * the registry's own services. Every case, including malformed text, costs the same single query by hash, so neither the result nor the
 * time tells them apart.
 */
export async function authenticateBearer(db: Db, bearer: string, nowMs: number): Promise<Principal | undefined> {
  const row = await findToken(db, hashToken(bearer.slice(0, TOKEN_CHARACTERS_MAX)));
  if (row === undefined || row.revoked_at !== null || row.disabled_at !== null) return undefined;
  // Older releases accepted this id in a seed. A token from then would act as the registry itself.
  if (isServiceActor(row.actor_id)) return undefined;
  if (row.expires_at !== null && row.expires_at.getTime() <= nowMs) return undefined;
  if (row.last_used_at === null || row.last_used_at.getTime() <= nowMs - LAST_USED_STEP_MS) await recordTokenUse(db, row.token_id, nowMs);
  const { tenant_id, actor_id, person_id, offices, runner_target, token_id } = row;
  return { tenant_id, actor_id, kind: parseActorKind(actor_id), person_id, offices, runner_target, token_id };
}

function findToken(db: Db, hash: string) {
  return db
    .selectFrom("tokens")
    .innerJoin("actors", (join) => join.onRef("actors.tenant_id", "=", "tokens.tenant_id").onRef("actors.actor_id", "=", "tokens.actor_id"))
    .select(["tokens.token_id", "tokens.tenant_id", "tokens.actor_id", "tokens.runner_target", "actors.person_id"])
    .select(["tokens.expires_at", "tokens.revoked_at", "tokens.last_used_at", "actors.disabled_at"])
    .select((eb) =>
      jsonArrayFrom(
        eb
          .selectFrom("memberships")
          .select(["memberships.office_id", "memberships.roles"])
          .whereRef("memberships.tenant_id", "=", "tokens.tenant_id")
          .whereRef("memberships.actor_id", "=", "tokens.actor_id")
          .where(isHeld)
          .orderBy("memberships.office_id"),
      ).as("offices"),
    )
    .where("tokens.token_hash", "=", hash)
    .executeTakeFirst();
}

/** One write per token and hour is enough to show unused tokens, at negligible cost. */
async function recordTokenUse(db: Db, tokenId: string, nowMs: number): Promise<void> {
  await db
    .updateTable("tokens")
    .set({ last_used_at: new Date(nowMs) })
    .where("token_id", "=", tokenId)
    .where((eb) => eb.or([eb("last_used_at", "is", null), eb("last_used_at", "<=", new Date(nowMs - LAST_USED_STEP_MS))]))
    .execute();
}
