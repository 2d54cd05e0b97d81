import { expect, it } from "vitest";
import { checkReachable } from "../../../src/decision/charter/reachable.js";
import { loadPolicy } from "../../../src/decision/policy/policy.js";
import { CharterState } from "../../../src/domain/charter/state.js";
import { readDefaultPolicy } from "../../../src/stack/founding/policy.js";
import { buildActor, buildPerson, RP } from "./charters.js";

it("a sealed charter is unreachable if 120 persons would have to approve, or the policy accepts nobody's passkey", async () => {
  const { data } = await loadPolicy(await readDefaultPolicy());
  const state = new CharterState();
  state.write([
    { kind: "sealed", value: { sealed: true } },
    { kind: "relying_party", id: RP, value: { origins: [`https://${RP}`], use: "approve" } },
  ]);
  const offices = ["office::default", "office:registry"].map((office_id) => ({ office_id, roles: ["owner", "security"] }));
  for (let n = 0; n < 130; n += 1) {
    const name = `p${n}`;
    state.write([
      { kind: "person", id: `person:${name}`, value: buildPerson(name) },
      { kind: "actor", id: `ubl:sid:person:${name}`, value: buildActor(`person:${name}`, { offices }) },
    ]);
  }
  const ask = (owner: number, security: number, acceptsPasskey = () => true) =>
    checkReachable(state, {
      acceptsPasskey,
      data: {
        ...data,
        levels: { ...data.levels, L5: { ...data.levels.L5, roles: { owner } } },
        jobs: { ...data.jobs, "registry.keys.rotate": { level: "L5", target: "LAB_512", roles: { security } } },
      },
    });
  expect(ask(50, 50)).toBeUndefined();
  expect(ask(50, 50, () => false)).toMatchObject({ ok: false, denial: { code: "charter_unreachable" } });
  expect(ask(60, 60)).toMatchObject({ ok: false, denial: { code: "charter_unreachable" } });
});
