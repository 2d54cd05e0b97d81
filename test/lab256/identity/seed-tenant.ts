import type { Db } from "../../../src/lab256/database/database.js";
import { addVerifiedEmail } from "../../../src/lab256/identity/emails.js";
import { putMembership } from "../../../src/lab256/identity/memberships.js";
import { addRunnerKey } from "../../../src/lab256/identity/runner-keys.js";
import { type TenantSeed, tenantSeedSchema } from "../../../src/lab256/identity/seed.js";
import { createTenant } from "../../../src/lab256/identity/tenants.js";
import { storeToken } from "../../../src/lab256/identity/tokens.js";

/**
 * Adds whatever the seed names and the database lacks, without a charter. Changes nothing that exists: an existing actor keeps its current offices and stays
 * disabled if it is, and a token stays revoked. Must be called in a transaction.
 *
 * @throws ZodError with every invalid field of the seed.
 */
export async function seedTenant(db: Db, seed: TenantSeed, nowMs: number): Promise<void> {
  const { tenant_id, transport, actors, runner_keys } = tenantSeedSchema.parse(seed);
  await createTenant(db, { tenant_id, transport });
  for (const { actor_id, person_id, display_name, emails, offices, tokens } of actors) {
    await db
      .insertInto("persons")
      .values({ person_id })
      .onConflict((conflict) => conflict.doNothing())
      .execute();
    const added = await db
      .insertInto("actors")
      .values({ tenant_id, actor_id, person_id, display_name })
      .onConflict((conflict) => conflict.doNothing())
      .returning("actor_id")
      .executeTakeFirst();
    // An office that was taken from a seeded actor must not come back with the next start.
    if (added !== undefined) for (const office of offices) await putMembership(db, tenant_id, actor_id, office);
    for (const email of emails) await addVerifiedEmail(db, person_id, email, nowMs);
    for (const { token, ...entry } of tokens) await storeToken(db, { tenant_id, actor_id, ...entry }, token);
  }
  for (const { target, jwk } of runner_keys) await addRunnerKey(db, tenant_id, target, jwk);
}
