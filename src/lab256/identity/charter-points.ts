import type { PointStore } from "../../decision/charter/walk-points.js";
import type { DbPool } from "../database/database.js";

/** Keeps the points of LAB 256 in the database, because it may not replace objects of the store. */
export function openPointStore(db: DbPool): PointStore {
  return {
    async read(tenantId, kid) {
      const row = await db
        .selectFrom("charter_points")
        .select("point")
        .where("tenant_id", "=", tenantId)
        .where("kid", "=", kid)
        .executeTakeFirst();
      return row?.point;
    },
    async write(tenant_id, kid, bytes) {
      const point = Buffer.from(bytes);
      await db
        .insertInto("charter_points")
        .values({ tenant_id, kid, point })
        .onConflict((conflict) => conflict.columns(["tenant_id", "kid"]).doUpdateSet({ point }))
        .execute();
    },
  };
}
