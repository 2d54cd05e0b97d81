import type { Db } from "../database/database.js";

/** The one spelling under which an address is stored and looked for: git and people write it in any case. */
export function normalizeEmail(email: string): string {
  return email.trim().normalize("NFC").toLowerCase();
}

/** Notes that the person has proved to read this address. An address may belong to several persons; then it stands for each. */
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
 * The persons of this tenant who hold one of these addresses, verified; each once, in order. A person counts here also when their
 * actor is disabled: the question is who wrote a commit, and the answer only ever excludes. Source: contracts "Levels".
 */
export async function listPersonsByEmail(db: Db, tenantId: string, emails: readonly string[]): Promise<string[]> {
  const wanted = [...new Set(emails.map(normalizeEmail))];
  if (wanted.length === 0) return [];
  const rows = await db
    .selectFrom("person_emails")
    .innerJoin("actors", "actors.person_id", "person_emails.person_id")
    .select("person_emails.person_id")
    .distinct()
    .where("actors.tenant_id", "=", tenantId)
    .where("person_emails.email", "in", wanted)
    .where("person_emails.verified_at", "is not", null)
    .orderBy("person_emails.person_id")
    .execute();
  return rows.map((row) => row.person_id);
}
