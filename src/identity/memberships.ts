import type { Db } from "../database/database.js";

/** An office that an actor holds, and the roles it has there. */
export interface Membership {
  readonly office_id: string;
  readonly roles: readonly string[];
}

/** Gives an actor an office with exactly these roles, whatever roles it had there. @throws when the tenant has no such actor. */
export async function putMembership(db: Db, tenantId: string, actorId: string, membership: Membership): Promise<void> {
  const roles = [...membership.roles];
  await db
    .insertInto("memberships")
    .values({ tenant_id: tenantId, actor_id: actorId, office_id: membership.office_id, roles })
    .onConflict((conflict) => conflict.columns(["tenant_id", "actor_id", "office_id"]).doUpdateSet({ roles }))
    .execute();
}

/** `false` when the actor did not hold the office. */
export async function removeMembership(db: Db, tenantId: string, actorId: string, officeId: string): Promise<boolean> {
  const { numDeletedRows } = await db
    .deleteFrom("memberships")
    .where("tenant_id", "=", tenantId)
    .where("actor_id", "=", actorId)
    .where("office_id", "=", officeId)
    .executeTakeFirstOrThrow();
  return numDeletedRows > 0n;
}
