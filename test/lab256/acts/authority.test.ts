import { expect, test } from "vitest";
import { hashCanonical } from "../../../src/domain/bytes/canonical.js";
import { verifySignedObject } from "../../../src/domain/bytes/signature.js";
import { authoritySchema } from "../../../src/domain/card/authority.js";
import type { NewEvent } from "../../../src/domain/ledger/event.js";
import { readAuthority } from "../../../src/lab256/acts/recorded-approval.js";
import { findCard } from "../../../src/lab256/ledger/queries/cards.js";
import * as event from "../ledger/events.js";
import { useLedgerDatabase } from "../ledger/ledger-database.js";

const ledger = useLedgerDatabase("authority");

/** The event of a card's plan under the key that LAB 256 gives it; `like` is the round whose plan it repeats. */
function buildPlannedEvent(cardId: string, round: number, like = round): NewEvent {
  const { type, payload } = event.buildCardPlanned(cardId, like);
  if (type !== "card.planned") throw new Error("the event is another one");
  return { type, key: `card.planned/${cardId}/${round}`, payload: { ...payload, round } };
}

async function readRecordedAuthority(cardId: string) {
  const recorded = await findCard(ledger.db, { tenant_id: event.TENANT, card_id: cardId });
  if (recorded === undefined) throw new Error("the card was not recorded");
  return readAuthority(recorded);
}

const listApprovers = async (cardId: string) =>
  (await readRecordedAuthority(cardId)).statements.map(({ statement: { approver, decision } }) => [approver.split(":").at(-1), decision]);

const listPlansAttested = async (cardId: string) =>
  (await readRecordedAuthority(cardId)).attestations.map(({ payload }) => Buffer.from(payload, "base64").toString("utf8"));

test("an act rests on its card as the api signed it", async () => {
  const signed = event.buildCard("k-0", "P.demo", { ticket: "A-1" });
  const opened = event.buildCardOpened("k-0");
  if (opened.type !== "card.opened") throw new Error("the event is another one");
  await ledger.appendOrThrow([{ ...opened, payload: { ...opened.payload, card: signed } }, buildPlannedEvent("k-0", 1)]);
  const { card, ...evidence } = authoritySchema.parse(await readRecordedAuthority("k-0"));
  expect(card).toEqual(signed);
  expect(verifySignedObject("card", card, { keys: [event.CARD_KEY.jwk] })).toBe("valid");
  expect(evidence).toEqual({ statements: [], attestations: [] });
});

test("an act rests on the approvals that count, in the order in which they came to count", async () => {
  await ledger.appendOrThrow([event.buildCardOpened("k-1"), buildPlannedEvent("k-1", 1), event.buildStated("k-1", 1, "approve", 2)]);
  await ledger.appendOrThrow([event.buildStated("k-1", 1, "withdraw", 2), event.buildStated("k-1", 1, "approve", 1)]);
  await ledger.appendOrThrow([event.buildStated("k-1", 1, "reject", 4)]);
  await ledger.appendOrThrow([event.buildCardOpened("k-2"), buildPlannedEvent("k-2", 1), event.buildStated("k-2", 1, "approve", 3)]);
  expect(await listApprovers("k-1")).toEqual([["p1", "approve"]]);

  await ledger.appendOrThrow([event.buildCardOpened("k-7"), buildPlannedEvent("k-7", 1)]);
  for (const person of [3, 1, 2]) await ledger.appendOrThrow([event.buildStated("k-7", 1, "approve", person)]);
  expect(await listApprovers("k-7")).toEqual([
    ["p3", "approve"],
    ["p1", "approve"],
    ["p2", "approve"],
  ]);
});

test("an act does not rest on approvals that a person withdrew or repeated through another actor", async () => {
  const withdrawn = event.buildStated("k-5", 1, "withdraw", 9);
  const given = event.buildStated("k-5", 1, "approve", 1);
  if (withdrawn.type !== "card.withdrawn" || given.type !== "card.approved") throw new Error("the events are others");
  const ends = [given.payload.statement_digest];
  await ledger.appendOrThrow([event.buildCardOpened("k-5"), buildPlannedEvent("k-5", 1), given, event.buildStated("k-5", 1, "approve", 2)]);
  await ledger.appendOrThrow([{ ...withdrawn, payload: { ...withdrawn.payload, ends } }]);
  expect(await listApprovers("k-5")).toEqual([["p2", "approve"]]);

  const again = event.buildStated("k-6", 1, "approve", 2);
  if (again.type !== "card.approved" || again.payload.approval === null) throw new Error("the event is another one");
  const approval = { ...again.payload.approval, person_id: "person-1" };
  await ledger.appendOrThrow([event.buildCardOpened("k-6"), buildPlannedEvent("k-6", 1), event.buildStated("k-6", 1, "approve", 1)]);
  await ledger.appendOrThrow([{ ...again, payload: { ...again.payload, approval } }]);
  expect(await listApprovers("k-6")).toEqual([["p2", "approve"]]);
});

test("an act does not rest on statements and attestations of an earlier round, even if the same plan returns", async () => {
  await ledger.appendOrThrow([event.buildCardOpened("k-3"), buildPlannedEvent("k-3", 1), event.buildStated("k-3", 1, "approve", 1)]);
  await ledger.appendOrThrow([
    event.buildAttested("k-3", 1, 1),
    event.buildApprovalsVoided("k-3", 1, 1),
    buildPlannedEvent("k-3", 2),
    event.buildStated("k-3", 2, "approve", 2),
    event.buildAttested("k-3", 2, 2),
  ]);
  await ledger.appendOrThrow([
    event.buildApprovalsVoided("k-3", 2, 2),
    buildPlannedEvent("k-3", 3, 1),
    // Recorded too late to be voided.
    event.buildStated("k-3", 1, "approve", 4),
    event.buildStated("k-3", 3, "approve", 3, 1),
  ]);
  expect(await listApprovers("k-3")).toEqual([["p3", "approve"]]);
  expect(await listPlansAttested("k-3")).toEqual([]);
});

test("an act rests on the attestations of its plan", async () => {
  await ledger.appendOrThrow([event.buildCardOpened("k-4"), buildPlannedEvent("k-4", 1), event.buildAttested("k-4", 1, 1)]);
  expect(await listPlansAttested("k-4")).toEqual([hashCanonical(["k-4", 1])]);
});
