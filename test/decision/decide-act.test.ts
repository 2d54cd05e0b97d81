import { expect, it } from "vitest";
import { decideAct, type Rules } from "../../src/decision/decide-act.js";
import type { Level } from "../../src/domain/level.js";
import { TELEMETRY_SERVICE } from "../../src/domain/telemetry/service.js";
import { envelope } from "../domain/samples.js";
import { NOW_MS, readRules, writeCharter } from "./judging.js";

/** Decides by a policy that allows everything at one level. */
async function decideAt(level: Level, actor_id: string) {
  const rules = await readRules(writeCharter());
  const times = { permit_ttl_ms: 60_000, decide_within_ms: 60_000, max_run_ms: 60_000 };
  const decide: Rules["policy"]["decide"] = () => ({
    ...{ allowed: true, level, reasons: [{ rule: "test", text: "Allowed." }], requires: [] },
    ...times,
  });
  const question = { act: envelope, actor_id, hasCard: false, facts: { fast_forward: null, project_exists: null } } as const;
  return decideAct({ ...rules, policy: { ...rules.policy, decide } }, { ...question, infra: "none", at_ms: NOW_MS });
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
