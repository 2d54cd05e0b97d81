import { beforeEach, expect, test } from "vitest";
import { isSoloAct, toApproval } from "../../src/decision/judge-authority.js";
import type { CardRound, JudgedStatement } from "../../src/decision/judge-statement.js";
import { waivesForSolo } from "../../src/decision/solo.js";
import { buildActor, type CharterWriter } from "./charter/charters.js";
import {
  AGENT,
  BOB,
  buildRound,
  buildStatement,
  changeMembers,
  judge,
  NOW_MS,
  passkeys,
  people,
  readRules,
  signStatement,
  toPersonId,
  writeCharter,
} from "./judging.js";

let charter: CharterWriter;
beforeEach(() => {
  charter = writeCharter();
});

type RoundChanges = NonNullable<Parameters<typeof buildRound>[1]>;

/** Judges Bob's approval of a card at L3 with these members. */
async function judgeApproval(changes: RoundChanges, approver = BOB.actor_id): Promise<JudgedStatement> {
  const about = await buildRound(charter, changes);
  return judgeAbout(about, approver);
}

async function judgeAbout(about: CardRound, approver = BOB.actor_id): Promise<JudgedStatement> {
  const judged = await judge(charter, about, signStatement(buildStatement(about, { approver })));
  if (!judged.ok) throw new Error(judged.denial.message);
  return judged.value;
}

const matchNotCounted = (...rules: string[]) => ({ admission: { counts: false, reasons: rules.map((rule) => ({ rule })) } });
const COUNTED = { admission: { counts: true } };

test("an approval by a person who made nothing of the change counts", async () => {
  const others = { author_emails: ["ana@example.com"], pushers: { person_ids: [toPersonId("ana")], exact: true } };
  expect(await judgeApproval(others)).toMatchObject(COUNTED);
});

test("the author's approval does not count, also not through another account of theirs", async () => {
  expect(await judgeApproval({ author: BOB })).toMatchObject(matchNotCounted("approver.author"));
  const second = "ubl:sid:person:bob-2";
  changeMembers(charter, { actors: { [second]: buildActor(BOB.person_id) } });
  expect(await judgeApproval({ author: BOB }, second)).toMatchObject(matchNotCounted("approver.author"));
});

test("a pusher's approval does not count", async () => {
  const pushers = { person_ids: [BOB.person_id], exact: true };
  expect(await judgeApproval({ pushers })).toMatchObject(matchNotCounted("approver.pusher"));
});

test("the approval of a person who may have pushed the commits does not count, and the reason says that it is not certain", async () => {
  const pushers = { person_ids: [toPersonId("ana"), BOB.person_id], exact: false };
  expect(await judgeApproval({ pushers })).toMatchObject(matchNotCounted("approver.pusher", "approver.pushers_not_known"));
  expect(await judgeApproval({ pushers: { person_ids: [toPersonId("ana")], exact: false } })).toMatchObject(COUNTED);
  // Bob is excluded for another reason, which is certain.
  expect(await judgeApproval({ author: BOB, pushers: { person_ids: [], exact: false } })).toMatchObject(matchNotCounted("approver.author"));
});

test("a commit author's approval does not count, in whichever letter case git has the address", async () => {
  expect(await judgeApproval({ author_emails: ["dora@example.com", "Bob@Example.COM"] })).toMatchObject(
    matchNotCounted("approver.commit_author"),
  );
});

test("a commit author's approval does not count after a version of the charter that removes the address", async () => {
  changeMembers(charter, { persons: { [BOB.person_id]: { ...people.bob, emails: [] } } });
  expect(await judgeApproval({ author_emails: ["bob@example.com"] })).toMatchObject(matchNotCounted("approver.commit_author"));
});

test("each person with a shared address is a commit author", async () => {
  changeMembers(charter, { persons: { [BOB.person_id]: { ...people.bob, emails: ["carol@example.com"] } } });
  for (const approver of ["bob", "carol"])
    expect(await judgeApproval({ author_emails: ["carol@example.com"] }, `ubl:sid:person:${approver}`)).toMatchObject(
      matchNotCounted("approver.commit_author"),
    );
});

test("an agent's approval does not count at L3, also not that of an uninvolved person's agent", async () => {
  expect(await judgeApproval({}, AGENT)).toMatchObject({ kind: "agent", ...matchNotCounted("actor.not_person") });
});

test("below L3 pushers and commit authors are not excluded", async () => {
  const made = { author_emails: ["bob@example.com"], pushers: { person_ids: [BOB.person_id], exact: true } };
  const about = await buildRound(charter, made);
  expect(await judgeAbout({ ...about, decided: { level: "L2", requires: [], decide_within_ms: 60_000 } })).toMatchObject(COUNTED);
});

test("an approval through an office that may not approve does not count", async () => {
  const offices = [{ office_id: "office::agents", roles: [] }];
  changeMembers(charter, { actors: { [BOB.actor_id]: buildActor(BOB.person_id, { offices }) } });
  const about = await buildRound(charter);
  const judged = await judge(charter, about, signStatement(buildStatement(about, { office_id: "office::agents" })));
  expect(judged).toMatchObject({ ok: true, value: matchNotCounted("office.action", "office.ceiling") });
});

/** Leaves Bob as the only person who can approve. */
function disableOthers(): void {
  const persons = { [toPersonId("ana")]: { ...people.ana, disabled: true }, [toPersonId("carol")]: { ...people.carol, disabled: true } };
  changeMembers(charter, { persons });
}

test("the only person who can approve approves their own act up to L4, and the act is a solo act", async () => {
  disableOthers();
  const own = { author: BOB, author_emails: ["bob@example.com"], pushers: { person_ids: [BOB.person_id], exact: true } };
  for (const risk of ["L3", "L4"] as const) {
    const about = await buildRound(charter, { ...own, risk });
    const judged = await judge(charter, about, signStatement(buildStatement(about), passkeys.bob));
    expect(judged).toMatchObject({ ok: true, value: COUNTED });
    if (judged.ok)
      expect(isSoloAct(await readRules(charter), about, [toApproval(judged.value, about.planned.plan_digest, NOW_MS)])).toBe(true);
  }
  const about = await buildRound(charter, { ...own, risk: "L5" });
  expect(await judge(charter, about, signStatement(buildStatement(about), passkeys.bob))).toMatchObject({
    value: matchNotCounted("approver.author", "approver.commit_author", "approver.pusher"),
  });
});

test("the author's approval does not count once another person can approve, or the charter is sealed", async () => {
  disableOthers();
  const rules = await readRules(charter);
  expect(waivesForSolo(rules, "L4")).toBe(true);
  expect(waivesForSolo({ ...rules, charter: { ...rules.charter, sealed: true } }, "L4")).toBe(false);
  changeMembers(charter, { persons: { [toPersonId("carol")]: people.carol } });
  expect(await judgeApproval({ author: BOB })).toMatchObject(matchNotCounted("approver.author"));
});

test("an approval of another person's act makes no solo act", async () => {
  const agent = { actor_id: AGENT, person_id: toPersonId("carol") };
  const rules = async () => readRules(charter);
  const about = await buildRound(charter, { author: agent });
  disableOthers();
  const approval = { ...toApproval(await judgeAbout(about), about.planned.plan_digest, NOW_MS) };
  expect(isSoloAct(await rules(), about, [approval])).toBe(false);
});
