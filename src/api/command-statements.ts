import type { Db } from "../database/database.js";
import { registryContainer } from "../domain/event.js";
import type { SignedStatement } from "../domain/statement.js";
import { cardById } from "../ledger/queries/cards.js";
import type { CommandItem } from "../ledger/queries/commands.js";

/**
 * The signed statements on the plan that a command carries out, in the order in which they were made: what its flow hands a Runner on
 * Temporal beside the command. Empty without a card. A plan can come back after another one; what was said of it before is void, so
 * only what was said since the card was last planned counts.
 */
export async function statementsOf(db: Db, { tenant_id, card_id, envelope }: CommandItem): Promise<SignedStatement[]> {
  const { plan_digest } = envelope.permit.scopes;
  const card = card_id === null ? undefined : await cardById(db, { tenant_id, card_id });
  if (card === undefined) return [];
  const { seq: plannedSeq } = await db
    .selectFrom("ledger_entries")
    .select("seq")
    .where("container", "=", registryContainer(tenant_id))
    .where("key", "=", `card.planned/${card.card_id}/${card.round}`)
    .executeTakeFirstOrThrow();
  return card.statements.filter((said) => said.plan_digest === plan_digest && said.seq > plannedSeq).map((said) => said.signed);
}
