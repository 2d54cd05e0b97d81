import { expect, test } from "vitest";
import { describeCompletion } from "../../src/decision/completable.js";
import { type CardRound, listCountingPasskeys } from "../../src/decision/judge-statement.js";
import type { Card } from "../../src/domain/card/card.js";
import { BOB, buildRound, changeMembers, NOW_MS, passkeys, people, readRules, toPersonId, writeCharter } from "./judging.js";

test("a card at L3 whose office asks for a step-up says that nobody can complete it, if nobody else has a passkey", async () => {
  const writer = writeCharter();
  const round = await buildRound(writer);
  const requires = round.decided.requires.map((one) => (one.kind === "approvals" ? { ...one, step_up: true } : one));
  const strict: CardRound = { ...round, decided: { ...round.decided, requires } };
  const approvers = [{ rule: "card.approvers", text: "Who can approve it: person:bob, person:carol." }];
  expect(describeCompletion(await readRules(writer), strict, NOW_MS)).toEqual(approvers);
  const withoutPasskeys = {
    [toPersonId("bob")]: { ...people.bob, passkeys: [] },
    [toPersonId("carol")]: { ...people.carol, passkeys: [] },
  };
  changeMembers(writer, { persons: withoutPasskeys });
  const rules = await readRules(writer);
  expect(describeCompletion(rules, round, NOW_MS)).toEqual(approvers);
  expect(describeCompletion(rules, strict, NOW_MS)).toMatchObject([
    { rule: "card.incompletable", text: expect.stringMatching(/only nobody could/) },
  ]);
});

test("a card by which a second person who decides at L5 takes away their own passkey says that nobody can complete it alone", async () => {
  const writer = writeCharter();
  const { card, ...round } = await buildRound(writer, { author: BOB, risk: "L5" });
  const params = { project_id: "_", persons: { [BOB.person_id]: { ...people.bob, passkeys: [passkeys.bob.record] } }, actors: {} };
  const removal: CardRound = { ...round, card: { ...card, jobType: "registry.members.change", params } as Card };
  const takes: CardRound = {
    ...removal,
    planned: {
      ...removal.planned,
      plan: {
        ...removal.planned.plan,
        basis: {
          ...removal.planned.plan.basis,
          charter: { records: [], gives_power_to: [], takes_power_from: [BOB.person_id], level: "L5" },
        },
      },
    },
  };
  expect(describeCompletion(await readRules(writer), takes, NOW_MS)).toMatchObject([
    { text: expect.stringMatching(/only person:carol could/) },
  ]);
});

test("the passkeys that count for a card do not include those that it takes away from its author", async () => {
  const writer = writeCharter();
  const rules = await readRules(writer);
  const { card } = await buildRound(writer, { author: BOB });
  const params = { project_id: "_", persons: { [BOB.person_id]: { ...people.bob, passkeys: [passkeys.weak.record] } }, actors: {} };
  const removal = { ...card, jobType: "registry.members.change", params } as Card;
  expect(listCountingPasskeys(rules, removal, BOB.person_id, "L3")).toEqual([passkeys.weak.record]);
  expect(listCountingPasskeys(rules, card, BOB.person_id, "L3")).toEqual([passkeys.bob.record, passkeys.weak.record]);
  expect(listCountingPasskeys(rules, removal, toPersonId("carol"), "L4")).toEqual([passkeys.carol.record]);
});
