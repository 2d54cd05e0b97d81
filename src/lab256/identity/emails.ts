import { normalizeEmail } from "../../domain/email.js";
import type { Db } from "../database/database.js";

/** Records that the person verified this address. An address can belong to several persons and then identifies each of them. */
export async function addVerifiedEmail(db: Db, personId: string, email: string, nowMs: number): Promise<void> {
  const verified_at = new Date(nowMs);
  await db
    .insertInto("person_emails")
    .values({ person_id: personId, email: normalizeEmail(email), verified_at })
    .onConflict((conflict) =>
      conflict.columns(["email", "person_id"]).doUpdateSet({ verified_at }).where("person_emails.verified_at", "is", null),
    )
    .execute();
}
