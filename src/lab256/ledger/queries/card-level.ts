import type { Level } from "../../../domain/level.js";
import type { Db } from "../../database/database.js";

/** Finds the level that the policy decided for a card's plan. Returns null before that decision, or if there is no such card. */
export async function findCardLevel(db: Db, tenantId: string, cardId: string): Promise<Level | null> {
  const row = await db
    .selectFrom("cards")
    .select("level")
    .where("tenant_id", "=", tenantId)
    .where("card_id", "=", cardId)
    .executeTakeFirst();
  return row?.level ?? null;
}
