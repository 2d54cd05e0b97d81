import type { Selectable } from "kysely";
import { hashCanonical } from "../../../domain/bytes/canonical.js";
import type { Assertion } from "../../../domain/card/statement.js";
import type { Db } from "../../database/database.js";
import type { IdentityTables } from "../../database/tables/identity.js";

export type AcceptedAssertion = Omit<Selectable<IdentityTables["step_ups"]>, "accepted_at">;

/** Hashes an assertion without its signature, because two different ECDSA signatures can prove the same assertion. */
export function hashAssertion({ id, response }: Assertion): string {
  return hashCanonical({ id, authenticatorData: response.authenticatorData, clientDataJSON: response.clientDataJSON });
}

/** Finds the counter with which the tenant accepted this assertion before. */
export async function findAcceptedCounter(db: Db, tenantId: string, assertionHash: string): Promise<number | undefined> {
  const row = await db
    .selectFrom("step_ups")
    .select("counter")
    .where("tenant_id", "=", tenantId)
    .where("assertion_hash", "=", assertionHash)
    .executeTakeFirst();
  return row?.counter;
}

/**
 * Advances the passkey's counter and records the assertion, in one statement. Returns false if another assertion was accepted first, and
 * true for a repeated one. An authenticator without a counter always reports 0 (WebAuthn Level 3 §6.1.1).
 */
export async function acceptAssertion(db: Db, accepted: AcceptedAssertion): Promise<boolean> {
  const { tenant_id, assertion_hash, credential_id, counter, statement_digest } = accepted;
  const inserted = await db
    .with("moved", (cte) =>
      cte
        .updateTable("passkeys")
        .set({ counter })
        .where("tenant_id", "=", tenant_id)
        .where("credential_id", "=", credential_id)
        .where("disabled_at", "is", null)
        .where((eb) => eb.or([eb("counter", "<", counter), eb.and([eb("counter", "=", 0), eb.val(counter === 0)])]))
        .returning(["tenant_id", "credential_id"]),
    )
    .insertInto("step_ups")
    .columns(["tenant_id", "assertion_hash", "credential_id", "counter", "statement_digest"])
    .expression((eb) =>
      eb
        .selectFrom("moved")
        .select([
          "moved.tenant_id",
          eb.val(assertion_hash).as("assertion_hash"),
          "moved.credential_id",
          eb.cast<number>(eb.val(counter), "bigint").as("counter"),
          eb.val(statement_digest).as("statement_digest"),
        ]),
    )
    .onConflict((conflict) => conflict.doNothing())
    .returning("assertion_hash")
    .executeTakeFirst();
  return inserted !== undefined || (await findAcceptedCounter(db, tenant_id, assertion_hash)) === counter;
}
