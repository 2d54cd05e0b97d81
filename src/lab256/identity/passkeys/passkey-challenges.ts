import { randomBytes } from "node:crypto";
import type { Db } from "../../database/database.js";

/** How long a person has to use the authenticator. */
export const CHALLENGE_TTL_MS = 300_000;

/** Creates a 32-byte challenge for this person's registration of a passkey, valid once and for {@link CHALLENGE_TTL_MS}. */
export async function createRegistrationChallenge(db: Db, personId: string, nowMs: number): Promise<Uint8Array<ArrayBuffer>> {
  const challenge = new Uint8Array(randomBytes(32));
  await db.deleteFrom("passkey_challenges").where("person_id", "=", personId).where("expires_at", "<=", new Date(nowMs)).execute();
  await db
    .insertInto("passkey_challenges")
    .values({
      challenge: Buffer.from(challenge).toString("base64url"),
      person_id: personId,
      purpose: "registration",
      expires_at: new Date(nowMs + CHALLENGE_TTL_MS),
    })
    .execute();
  return challenge;
}

/**
 * Consumes a challenge. Of several concurrent calls exactly one returns true. A consumed challenge stays consumed if the registration
 * fails.
 */
export async function useRegistrationChallenge(db: Db, personId: string, challenge: string, nowMs: number): Promise<boolean> {
  const { numUpdatedRows } = await db
    .updateTable("passkey_challenges")
    .set({ used_at: new Date(nowMs) })
    .where("challenge", "=", challenge)
    .where("person_id", "=", personId)
    .where("purpose", "=", "registration")
    .where("used_at", "is", null)
    .where("expires_at", ">", new Date(nowMs))
    .executeTakeFirstOrThrow();
  return numUpdatedRows > 0n;
}
