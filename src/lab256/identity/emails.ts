import type { Db } from "../database/database.js";

/** Normalizes an address for storage and lookup, because git and people write it in any letter case. */
export function normalizeEmail(email: string): string {
  return email.trim().normalize("NFC").toLowerCase();
}

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

/**
 * Lists the tenant's persons with one of these verified addresses, each once, in order. Includes persons whose actor is disabled, because
 * the list is only used to exclude commit authors. Source: contracts "Levels".
 */
export async function listPersonsByEmail(db: Db, tenantId: string, emails: readonly string[]): Promise<string[]> {
  const normalized = [...new Set(emails.map(normalizeEmail))];
  if (normalized.length === 0) return [];
  const rows = await db
    .selectFrom("person_emails")
    .innerJoin("actors", "actors.person_id", "person_emails.person_id")
    .select("person_emails.person_id")
    .distinct()
    .where("actors.tenant_id", "=", tenantId)
    .where("person_emails.email", "in", normalized)
    .where("person_emails.verified_at", "is not", null)
    .orderBy("person_emails.person_id")
    .execute();
  return rows.map((row) => row.person_id);
}
