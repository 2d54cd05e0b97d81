import { expect, it } from "vitest";
import { decideAct, decideCardAct, type Rules } from "../../src/decision/decide-act.js";
import type { Level } from "../../src/domain/level.js";
import { TELEMETRY_SERVICE } from "../../src/domain/telemetry/service.js";
import { envelope } from "../domain/samples.js";
import { buildRound, NOW_MS, readRules, writeCharter } from "./judging.js";

/** Rules with a policy that allows everything at one level. */
async function readRulesAt(level: Level): Promise<Rules> {
  const rules = await readRules(writeCharter());
  const times = { permit_ttl_ms: 60_000, decide_within_ms: 60_000, max_run_ms: 60_000 };
  const decide: Rules["policy"]["decide"] = () => ({
    ...{ allowed: true, level, reasons: [{ rule: "test", text: "Allowed." }], requires: [] },
    ...times,
  });
  return { ...rules, policy: { ...rules.policy, decide } };
}

async function decideAt(level: Level, actor_id: string) {
  const question = {
    act: envelope,
    actor_id,
    hasCard: false,
    facts: { fast_forward: null, project_exists: null, changed_paths: null },
  } as const;
  return decideAct(await readRulesAt(level), { ...question, infra: "none", at_ms: NOW_MS });
}

// A tenant publishes a policy that allows the registry's own service, which is in no charter, more than its bookkeeping.
it("a service of the registry acts at L0 alone, whatever the policy allows", async () => {
  expect(await decideAt("L0", TELEMETRY_SERVICE.actor_id)).toMatchObject({ ok: true });
  for (const level of ["L1", "L4"] as const)
    expect(await decideAt(level, TELEMETRY_SERVICE.actor_id)).toMatchObject({ ok: false, denial: { code: "policy_denied" } });
});

it("an actor that is not in the charter does nothing, whatever the policy allows", async () => {
  for (const actor of ["ubl:sid:person:ghost", "ubl:sid:app:Registry.Telemetry"])
    expect(await decideAt("L0", actor), actor).toMatchObject({ ok: false, denial: { code: "policy_denied" } });
});

// The policy is from before break-glass: it would let the author approve the act at a level that needs one approval.
it("a break-glass card is L5 or denied, whatever the policy says", async () => {
  const { card, planned } = await buildRound(writeCharter());
  const emergency = { ...card, break_glass: { reason: "Payments are down." } };
  expect(decideCardAct(await readRulesAt("L5"), emergency, planned, NOW_MS)).toMatchObject({ ok: true, value: { level: "L5" } });
  for (const level of ["L0", "L3", "L4"] as const) {
    expect(decideCardAct(await readRulesAt(level), card, planned, NOW_MS)).toMatchObject({ ok: true });
    expect(decideCardAct(await readRulesAt(level), emergency, planned, NOW_MS)).toMatchObject({
      ok: false,
      denial: { code: "policy_denied" },
    });
  }
});
