import { sql } from "kysely";
import type { Db } from "../database/database.js";

/** An office that an actor holds, with the actor's roles there. */
export interface Membership {
  readonly office_id: string;
  readonly roles: readonly string[];
}

/** A condition of queries on memberships: the office is still held. */
export const isHeld = sql<boolean>`(memberships.until_at is null or memberships.until_at > now())`;

/**
 * Sets an actor's roles at an office, replacing earlier ones.
 *
 * @throws if the tenant does not have the actor.
 */
export async function putMembership(db: Db, tenantId: string, actorId: string, membership: Membership): Promise<void> {
  const roles = [...membership.roles];
  await db
    .insertInto("memberships")
    .values({ tenant_id: tenantId, actor_id: actorId, office_id: membership.office_id, roles })
    .onConflict((conflict) => conflict.columns(["tenant_id", "actor_id", "office_id"]).doUpdateSet({ roles }))
    .execute();
}

/** Counts the enabled actors that hold each office of a tenant. Omits offices that no actor holds. */
export async function countOfficeHolders(db: Db, tenantId: string): Promise<ReadonlyMap<string, number>> {
  const rows = await db
    .selectFrom("memberships")
    .innerJoin("actors", (join) =>
      join.onRef("actors.tenant_id", "=", "memberships.tenant_id").onRef("actors.actor_id", "=", "memberships.actor_id"),
    )
    .select(({ fn }) => ["memberships.office_id", fn.countAll<number>().as("holders")])
    .where("memberships.tenant_id", "=", tenantId)
    .where("actors.disabled_at", "is", null)
    .where(isHeld)
    .groupBy("memberships.office_id")
    .execute();
  return new Map(rows.map(({ office_id, holders }) => [office_id, holders]));
}
