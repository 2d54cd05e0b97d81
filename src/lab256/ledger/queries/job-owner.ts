import type { Db } from "../../database/database.js";
import type { CommandIdentity } from "../command-conflict.js";

/**
 * Finds what has a `jobId`: a command, or a card that is open and was opened before this one. Undefined if nothing has. `card_id` is the card
 * that asks, and null for an act without a card.
 */
export async function findJobOwner(
  db: Db,
  { tenant_id, job_id, card_id }: { readonly tenant_id: string; readonly job_id: string; readonly card_id: string | null },
): Promise<Pick<CommandIdentity, "jti" | "card_id"> | undefined> {
  const command = await db
    .selectFrom("commands")
    .select(["jti", "card_id"])
    .where("tenant_id", "=", tenant_id)
    .where("job_id", "=", job_id)
    .executeTakeFirst();
  if (command !== undefined) return command.card_id !== null && command.card_id === card_id ? undefined : command;
  const first = await db
    .selectFrom("cards")
    .select("card_id")
    .where("tenant_id", "=", tenant_id)
    .where("job_id", "=", job_id)
    .where("closed_at", "is", null)
    .orderBy("seq")
    .executeTakeFirst();
  return first === undefined || first.card_id === card_id ? undefined : { jti: null, card_id: first.card_id };
}
