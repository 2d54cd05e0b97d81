import { expect, test } from "vitest";
import { listCommandStatements } from "../../src/api/acts/command-statements.js";
import { hashCanonical } from "../../src/domain/bytes/canonical.js";
import type { NewEvent } from "../../src/domain/ledger/event.js";
import { findCommandByJti } from "../../src/lab256/ledger/queries/commands.js";
import * as event from "../lab256/ledger/events.js";
import { useLedgerDatabase } from "../lab256/ledger/ledger-database.js";

const ledger = useLedgerDatabase("command_statements");

/** The event of a card's plan under the key that LAB 256 gives it; `like` is the round whose plan it repeats. */
function buildPlannedEvent(cardId: string, round: number, like = round): NewEvent {
  const { type, payload } = event.buildCardPlanned(cardId, like);
  if (type !== "card.planned") throw new Error("the event is another one");
  return { type, key: `card.planned/${cardId}/${round}`, payload: { ...payload, round } };
}

/** The command of a card, by the permit for the plan of this round. */
async function recordCommand(act: number, cardId: string, round: number) {
  const issued = event.buildCommandIssued(act, { cardId });
  if (issued.type !== "command.issued") throw new Error("the event is another one");
  const { envelope } = issued.payload;
  const scopes = { ...envelope.permit.scopes, plan_digest: hashCanonical([cardId, round]) };
  const permitted = { ...envelope, permit: { ...envelope.permit, scopes } };
  await ledger.appendOrThrow([{ ...issued, payload: { ...issued.payload, envelope: permitted } }]);
  const command = await findCommandByJti(ledger.db, { tenant_id: event.TENANT, jti: event.toJti(act) });
  if (command === undefined) throw new Error("the command was not recorded");
  return command;
}

const readStatements = async (command: Awaited<ReturnType<typeof recordCommand>>) =>
  (await listCommandStatements(ledger.db, command)).map(({ statement: { approver, decision } }) => [approver.split(":").at(-1), decision]);

test("a command comes with the approvals that count, in the order in which they came to count", async () => {
  await ledger.appendOrThrow([event.buildCardOpened("k-1"), buildPlannedEvent("k-1", 1), event.buildStated("k-1", 1, "approve", 2)]);
  await ledger.appendOrThrow([event.buildStated("k-1", 1, "withdraw", 2), event.buildStated("k-1", 1, "approve", 1)]);
  await ledger.appendOrThrow([event.buildCardOpened("k-2"), buildPlannedEvent("k-2", 1), event.buildStated("k-2", 1, "approve", 3)]);
  expect(await readStatements(await recordCommand(1, "k-1", 1))).toEqual([["p1", "approve"]]);
});

test("a command comes without approvals that a person withdrew or repeated through another actor", async () => {
  const withdrawn = event.buildStated("k-5", 1, "withdraw", 9);
  const given = event.buildStated("k-5", 1, "approve", 1);
  if (withdrawn.type !== "card.withdrawn" || given.type !== "card.approved") throw new Error("the events are others");
  const ends = [given.payload.statement_digest];
  await ledger.appendOrThrow([event.buildCardOpened("k-5"), buildPlannedEvent("k-5", 1), given, event.buildStated("k-5", 1, "approve", 2)]);
  await ledger.appendOrThrow([{ ...withdrawn, payload: { ...withdrawn.payload, ends } }]);
  expect(await readStatements(await recordCommand(5, "k-5", 1))).toEqual([["p2", "approve"]]);

  const again = event.buildStated("k-6", 1, "approve", 2);
  if (again.type !== "card.approved" || again.payload.approval === null) throw new Error("the event is another one");
  const approval = { ...again.payload.approval, person_id: "person-1" };
  await ledger.appendOrThrow([event.buildCardOpened("k-6"), buildPlannedEvent("k-6", 1), event.buildStated("k-6", 1, "approve", 1)]);
  await ledger.appendOrThrow([{ ...again, payload: { ...again.payload, approval } }]);
  expect(await readStatements(await recordCommand(6, "k-6", 1))).toEqual([["p2", "approve"]]);
});

test("a command comes without statements about an earlier plan, even if the same plan returns", async () => {
  await ledger.appendOrThrow([event.buildCardOpened("k-3"), buildPlannedEvent("k-3", 1), event.buildStated("k-3", 1, "approve", 1)]);
  await ledger.appendOrThrow([
    event.buildApprovalsVoided("k-3", 1, 1),
    buildPlannedEvent("k-3", 2),
    event.buildStated("k-3", 2, "approve", 2),
  ]);
  await ledger.appendOrThrow([
    event.buildApprovalsVoided("k-3", 2, 2),
    buildPlannedEvent("k-3", 3, 1),
    event.buildStated("k-3", 1, "approve", 3),
  ]);
  expect(await readStatements(await recordCommand(3, "k-3", 1))).toEqual([["p3", "approve"]]);
});

test("a command without a card comes without statements", async () => {
  const issued = event.buildCommandIssued(4);
  await ledger.appendOrThrow([issued]);
  const command = await findCommandByJti(ledger.db, { tenant_id: event.TENANT, jti: event.toJti(4) });
  if (command === undefined) throw new Error("the command was not recorded");
  expect(await readStatements(command)).toEqual([]);
});
