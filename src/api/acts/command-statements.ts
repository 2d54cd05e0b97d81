import type { SignedStatement } from "../../domain/card/statement.js";
import { toRegistryContainer } from "../../domain/ledger/event.js";
import type { Db } from "../../lab256/database/database.js";
import { type CardStatementRow, findCard } from "../../lab256/ledger/queries/cards.js";
import type { CommandItem } from "../../lab256/ledger/queries/commands.js";

/**
 * The signed approvals that count for the plan that a command carries out, in the order in which they came to count: what its flow hands a
 * Runner on Temporal beside the command. Empty without a card. A plan can come back after another one; what was said of it before is void,
 * so only what was said since the card was last planned counts, and of one person in one office only the last.
 */
export async function listCommandStatements(db: Db, { tenant_id, card_id, envelope }: CommandItem): Promise<SignedStatement[]> {
  const { plan_digest } = envelope.permit.scopes;
  const card = card_id === null ? undefined : await findCard(db, { tenant_id, card_id });
  if (card === undefined) return [];
  const { seq: plannedSeq } = await db
    .selectFrom("ledger_entries")
    .select("seq")
    .where("container", "=", toRegistryContainer(tenant_id))
    .where("key", "=", `card.planned/${card.card_id}/${card.round}`)
    .executeTakeFirstOrThrow();
  const approvals = card.statements.filter(
    ({ decision, counts, void_why, plan_digest: of, seq }) =>
      decision === "approve" && counts && void_why === null && of === plan_digest && seq > plannedSeq,
  );
  const isRepeatedIn = (said: CardStatementRow, later: readonly CardStatementRow[]) =>
    later.some(({ approval }) => approval?.person_id === said.approval?.person_id && approval?.office_id === said.approval?.office_id);
  return approvals.filter((said, at) => !isRepeatedIn(said, approvals.slice(at + 1))).map((said) => said.signed);
}
