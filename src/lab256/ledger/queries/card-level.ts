import type { Level } from "../../../domain/level.js";
import type { Db } from "../../database/database.js";

/** The level that the policy found for a card's plan; null before the policy was asked, or where there is no such card. */
export async function findCardLevel(db: Db, tenantId: string, cardId: string): Promise<Level | null> {
  const row = await db
    .selectFrom("cards")
    .select("level")
    .where("tenant_id", "=", tenantId)
    .where("card_id", "=", cardId)
    .executeTakeFirst();
  return row?.level ?? null;
}
