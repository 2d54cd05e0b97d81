import type { SignedStatement } from "../../domain/card/statement.js";
import { toRegistryContainer } from "../../domain/ledger/event.js";
import type { Db } from "../../lab256/database/database.js";
import { type CardStatementRow, findCard } from "../../lab256/ledger/queries/cards.js";
import type { CommandItem } from "../../lab256/ledger/queries/commands.js";

/**
 * Lists the signed approvals that count for a command's plan, in the order in which they came to count. On Temporal, the flow gives the
 * Runner the same list. Empty without a card. The same plan can return after another one: only statements since the card was last planned
 * count, and only the last one of a person in an office.
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
