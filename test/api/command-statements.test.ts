import { expect, test } from "vitest";
import { listCommandStatements } from "../../src/api/acts/command-statements.js";
import { hashCanonical } from "../../src/domain/bytes/canonical.js";
import type { NewEvent } from "../../src/domain/ledger/event.js";
import { findCommandByJti } from "../../src/lab256/ledger/queries/commands.js";
import * as event from "../lab256/ledger/events.js";
import { ledgerDatabase } from "../lab256/ledger/ledger-database.js";

const ledger = ledgerDatabase("command_statements");

/** The event of a card's plan under the key that LAB 256 gives it; `like` is the round whose plan it repeats. */
function planned(cardId: string, round: number, like = round): NewEvent {
  const { type, payload } = event.cardPlanned(cardId, like);
  if (type !== "card.planned") throw new Error("the event is another one");
  return { type, key: `card.planned/${cardId}/${round}`, payload: { ...payload, round } };
}

/** The command of a card, by the permit for the plan of this round. */
async function commandOf(act: number, cardId: string, round: number) {
  const issued = event.commandIssued(act, { cardId });
  if (issued.type !== "command.issued") throw new Error("the event is another one");
  const { envelope } = issued.payload;
  const scopes = { ...envelope.permit.scopes, plan_digest: hashCanonical([cardId, round]) };
  const permitted = { ...envelope, permit: { ...envelope.permit, scopes } };
  await ledger.appended([{ ...issued, payload: { ...issued.payload, envelope: permitted } }]);
  const command = await findCommandByJti(ledger.db, { tenant_id: event.TENANT, jti: event.jti(act) });
  if (command === undefined) throw new Error("the command was not recorded");
  return command;
}

const saidBy = async (command: Awaited<ReturnType<typeof commandOf>>) =>
  (await listCommandStatements(ledger.db, command)).map(({ statement: { approver, decision } }) => [approver.split(":").at(-1), decision]);

test("a command is accompanied by the approvals that count, in the order in which they came to count", async () => {
  await ledger.appended([event.cardOpened("k-1"), planned("k-1", 1), event.stated("k-1", 1, "approve", 2)]);
  await ledger.appended([event.stated("k-1", 1, "withdraw", 2), event.stated("k-1", 1, "approve", 1)]);
  await ledger.appended([event.cardOpened("k-2"), planned("k-2", 1), event.stated("k-2", 1, "approve", 3)]);
  expect(await saidBy(await commandOf(1, "k-1", 1))).toEqual([["p1", "approve"]]);
});

test("an approval accompanies none that its person withdrew through another actor, or gave again through one", async () => {
  const withdrawn = event.stated("k-5", 1, "withdraw", 9);
  const given = event.stated("k-5", 1, "approve", 1);
  if (withdrawn.type !== "card.withdrawn" || given.type !== "card.approved") throw new Error("the events are others");
  const ends = [given.payload.statement_digest];
  await ledger.appended([event.cardOpened("k-5"), planned("k-5", 1), given, event.stated("k-5", 1, "approve", 2)]);
  await ledger.appended([{ ...withdrawn, payload: { ...withdrawn.payload, ends } }]);
  expect(await saidBy(await commandOf(5, "k-5", 1))).toEqual([["p2", "approve"]]);

  const again = event.stated("k-6", 1, "approve", 2);
  if (again.type !== "card.approved" || again.payload.approval === null) throw new Error("the event is another one");
  const approval = { ...again.payload.approval, person_id: "person-1" };
  await ledger.appended([event.cardOpened("k-6"), planned("k-6", 1), event.stated("k-6", 1, "approve", 1)]);
  await ledger.appended([{ ...again, payload: { ...again.payload, approval } }]);
  expect(await saidBy(await commandOf(6, "k-6", 1))).toEqual([["p2", "approve"]]);
});

test("what was said of an earlier plan accompanies none, also where the same plan comes back", async () => {
  await ledger.appended([event.cardOpened("k-3"), planned("k-3", 1), event.stated("k-3", 1, "approve", 1)]);
  await ledger.appended([event.approvalsVoided("k-3", 1, 1), planned("k-3", 2), event.stated("k-3", 2, "approve", 2)]);
  await ledger.appended([event.approvalsVoided("k-3", 2, 2), planned("k-3", 3, 1), event.stated("k-3", 1, "approve", 3)]);
  expect(await saidBy(await commandOf(3, "k-3", 1))).toEqual([["p3", "approve"]]);
});

test("a command without a card is accompanied by nothing", async () => {
  const issued = event.commandIssued(4);
  await ledger.appended([issued]);
  const command = await findCommandByJti(ledger.db, { tenant_id: event.TENANT, jti: event.jti(4) });
  if (command === undefined) throw new Error("the command was not recorded");
  expect(await saidBy(command)).toEqual([]);
});
