import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Lab256Activities } from "../../src/activities/lab256/types.js";
import { required } from "../../src/client/problem.js";
import { cardEnd } from "../../src/client/waiting.js";
import type { Statement } from "../../src/domain/statement.js";
import { eventsAbout, expectSoundLedger, refsOf } from "../attacks/evidence.js";
import { Clone } from "../git/real-git.js";
import { actByCard, actByPermit, OFFICE, openCard, push, registration } from "../harness/acting.js";
import { startTestRegistry, type TestRegistry } from "../harness/registry.js";
import { expectOneReceipt } from "./agreement.js";
import { died, startDying } from "./dying.js";

type Step = keyof Lab256Activities;

const CARD_STEPS: readonly Step[] = ["openCard", "decidePlan", "admitStatement", "issuePermit", "recordAnswer", "closeCard"];
const COMMAND_STEPS: readonly Step[] = ["acceptCommand", "recordAnswer"];

const PUSHED = "P.pushed";

/** Far longer than all the kills take. */
const KILLS_MS = 180_000;

let registry: TestRegistry;
let clone: Clone;
let base: string;

beforeAll(async () => {
  registry = await startTestRegistry({ name: "killed-lab256" });
  clone = new Clone();
  base = clone.commit("base.txt", "base");
  await actByCard(registry, registration(PUSHED));
});

afterAll(() => registry?.stop());

/** A person whose answer is late says the same again, until the card has moved on. */
async function stateUntilHeard(statement: Statement): Promise<void> {
  const bob = registry.as("bob");
  for (;;) {
    const answer = await bob.state(statement);
    const { status } = required(await bob.card(statement.card_id));
    if (answer.ok || status !== "awaiting_approval") return;
    expect(answer.problem.code).toBe("unavailable");
    await delay(200);
  }
}

/** An act of the given kind, from its beginning until its client has seen the end; answers its ids. */
async function cardAct(project_id: string): Promise<{ jti: string; about: string[] }> {
  const card = await openCard(registry.as("admin"), registration(project_id));
  await stateUntilHeard(required(await registry.as("bob").prepareStatement(card.card_id, "approve", OFFICE)).statement);
  const { status, jti } = await cardEnd(registry.as("admin"), card.card_id, KILLS_MS);
  expect(status).toBe("success");
  return { jti: jti ?? "", about: [card.card_id, jti ?? "", project_id] };
}

async function commandAct(branch: string): Promise<{ jti: string; about: string[] }> {
  const author = registry.as("admin");
  const { jti } = (await actByPermit(author, push(clone, PUSHED, branch))).command;
  return { jti, about: [jti] };
}

interface Kill {
  readonly kind: "command" | "card";
  readonly step: Step;
}

const kills: readonly Kill[] = [
  ...COMMAND_STEPS.map((step) => ({ kind: "command" as const, step })),
  ...CARD_STEPS.map((step) => ({ kind: "card" as const, step })),
];

const EVENTS: Record<Kill["kind"], string[]> = {
  command: ["command.issued", "permit.issued", "project.activity", "receipt.recorded"],
  card: [
    "card.approved",
    "card.closed",
    "card.opened",
    "card.planned",
    "command.issued",
    "permit.issued",
    "project.registered",
    "project.repo.bound",
    "receipt.recorded",
  ],
};

// Temporal gives a killed worker's flows to another one after ten seconds, so the next kill does not wait for the acts of the last one:
// each act lives through its own kill and those that follow.
describe("a LAB 256 that is killed again and again, each time after another step", () => {
  const acts: ReturnType<typeof cardAct>[] = [];

  beforeAll(async () => {
    for (const { kind, step } of kills) {
      await startDying(registry, "lab256", step);
      const act = kind === "card" ? cardAct(`P.${step}`) : commandAct(`feature/${step}`);
      // Looked at below; until then it must not count as unhandled.
      act.catch(() => undefined);
      acts.push(act);
      await died(registry, "lab256");
    }
    await registry.lab256.start();
    await Promise.allSettled(acts);
  }, KILLS_MS);

  it.each(kills.map((kill, n) => ({ ...kill, n })))(
    "carries the $kind on that it left after $step: every event once, and a success",
    async ({ kind, n }) => {
      const { jti, about } = (await acts[n]) ?? { jti: "", about: [] };
      await expectOneReceipt(registry, jti);
      // A card is closed in the ledger a moment after its receipt is recorded.
      await expect.poll(async () => (await eventsAbout(registry, ...about)).sort(), { timeout: 15_000 }).toEqual(EVENTS[kind]);
    },
  );

  it("leaves a ledger that is whole, and refs that agree with it", async () => {
    const branches = COMMAND_STEPS.map((step) => [`refs/heads/feature/${step}`, base]);
    expect(await refsOf(registry, PUSHED)).toEqual(Object.fromEntries(branches));
    await expectSoundLedger(registry);
  });
});
