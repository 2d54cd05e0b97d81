import { hashCanonical } from "../../../domain/bytes/canonical.js";
import type { Assertion } from "../../../domain/card/statement.js";
import type { Db } from "../../database/database.js";

export interface AcceptedAssertion {
  readonly assertion_hash: string;
  readonly credential_id: string;
  readonly counter: number;
  readonly statement_digest: string;
}

/** What an assertion asserts, without its signature: ECDSA has two for the same, and either proves no more than the other. */
export function hashAssertion({ id, response }: Assertion): string {
  return hashCanonical({ id, authenticatorData: response.authenticatorData, clientDataJSON: response.clientDataJSON });
}

/** The counter with which this very assertion was accepted before. */
export async function findAcceptedCounter(db: Db, assertionHash: string): Promise<number | undefined> {
  const row = await db.selectFrom("step_ups").select("counter").where("assertion_hash", "=", assertionHash).executeTakeFirst();
  return row?.counter;
}

/**
 * Moves the passkey's counter forward and remembers the assertion, in one statement. `false` when another assertion was faster; two
 * calls with the same one are both answered `true`. An authenticator that does not count says 0 for ever (WebAuthn Level 3 §6.1.1).
 */
export async function acceptAssertion(db: Db, accepted: AcceptedAssertion): Promise<boolean> {
  const { assertion_hash, credential_id, counter, statement_digest } = accepted;
  const inserted = await db
    .with("moved", (cte) =>
      cte
        .updateTable("passkeys")
        .set({ counter })
        .where("credential_id", "=", credential_id)
        .where("disabled_at", "is", null)
        .where((eb) => eb.or([eb("counter", "<", counter), eb.and([eb("counter", "=", 0), eb.val(counter === 0)])]))
        .returning("credential_id"),
    )
    .insertInto("step_ups")
    .columns(["assertion_hash", "credential_id", "counter", "statement_digest"])
    .expression((eb) =>
      eb
        .selectFrom("moved")
        .select([
          eb.val(assertion_hash).as("assertion_hash"),
          "moved.credential_id",
          eb.cast<number>(eb.val(counter), "bigint").as("counter"),
          eb.val(statement_digest).as("statement_digest"),
        ]),
    )
    .onConflict((conflict) => conflict.doNothing())
    .returning("assertion_hash")
    .executeTakeFirst();
  return inserted !== undefined || (await findAcceptedCounter(db, assertion_hash)) === counter;
}
