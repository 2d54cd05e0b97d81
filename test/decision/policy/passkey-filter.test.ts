import { describe, expect, test } from "vitest";
import { judgeStatement } from "../../../src/decision/judge-statement.js";
import type { PolicyData } from "../../../src/decision/policy/data.js";
import { type DecidingPolicy, withPasskeyFilter } from "../../../src/decision/policy/passkey-filter.js";
import { loadPolicy } from "../../../src/decision/policy/policy.js";
import { TERMINAL_ORIGIN } from "../../../src/domain/charter/passkeys.js";
import type { Passkey } from "../../../src/domain/charter/records.js";
import { buildPolicyWith, replaceLevel } from "../../harness/policies.js";
import {
  BOB,
  buildRound,
  buildStatement,
  changeMembers,
  createCharterPasskey,
  NOW_MS,
  passkeys,
  people,
  readCharter,
  signStatement,
  writeCharter,
} from "../judging.js";
import { AAGUID, type Attested, attestModel, CA_CERTIFICATE, CERTIFICATE, ISSUED_BY_NO_CA, OTHER_ROOT, ROOT } from "./authenticators.js";

type Demands = NonNullable<PolicyData["levels"]["L4"]["passkeys"]>;
const MODEL: Demands = { authenticators: [{ aaguid: AAGUID, roots: [OTHER_ROOT, ROOT] }] };

const loadPolicyThatAsks = async (demands: Demands) =>
  loadPolicy(await buildPolicyWith((data) => replaceLevel(data, "L4", { passkeys: demands })));

describe("a policy that asks for a model of authenticator at L4", () => {
  const accept = async (passkey: Passkey, demands = MODEL) => (await loadPolicyThatAsks(demands)).acceptsPasskey(passkey, "L4");
  const accepts = (attested: Attested) => accept(attestModel(createCharterPasskey("bob"), attested));

  test("accepts a passkey whose authenticator proved the model, also after its certificate expired, and any passkey at other levels", async () => {
    expect(await accepts({})).toBe(true);
    expect((await loadPolicyThatAsks(MODEL)).acceptsPasskey(passkeys.bob.record, "L3")).toBe(true);
  });

  test.each<[string, Attested]>([
    ["that proved another model", { aaguid: "11111111-2222-3333-4444-555555555555" }],
    ["without a certificate", { x5c: [] }],
    ["with the certificate of a CA", { x5c: [CA_CERTIFICATE] }],
    ["with a chain of which no certificate issued the other", { x5c: [CERTIFICATE, CERTIFICATE] }],
    ["with a certificate that no CA issued", { x5c: [ISSUED_BY_NO_CA, CERTIFICATE] }],
    ["with bytes for a certificate", { x5c: ["AAAA"] }],
    ["of another format", { fmt: "fido-u2f" }],
    ["over other bytes", { change: (signed) => Buffer.concat([signed, Buffer.of(0)]) }],
  ])("refuses one %s", async (_, attested) => {
    expect(await accepts(attested)).toBe(false);
  });

  test("refuses another model of the same maker", async () => {
    const other = { aaguid: "11111111-2222-3333-4444-555555555555", roots: [ROOT] };
    expect(await accept(attestModel(createCharterPasskey("bob")), { authenticators: [other] })).toBe(false);
  });

  test("refuses one whose model another maker certifies", async () => {
    const passkey = attestModel(createCharterPasskey("bob"));
    expect(await accept(passkey, { authenticators: [{ aaguid: AAGUID, roots: [OTHER_ROOT] }] })).toBe(false);
  });

  test("refuses one that names a model for which its certificate is not", async () => {
    const aaguid = "11111111-2222-3333-4444-555555555555";
    expect(await accept(attestModel(createCharterPasskey("bob"), { aaguid }), { authenticators: [{ aaguid, roots: [ROOT] }] })).toBe(false);
  });

  // Mallory shows for a software passkey what a genuine authenticator stated about another one.
  test("refuses the attestation of another passkey, of its id or of its key", async () => {
    const genuine = attestModel(createCharterPasskey("bob"));
    const { record } = createCharterPasskey("bob");
    expect(await accept({ ...record, registration: genuine.registration })).toBe(false);
    expect(await accept({ ...genuine, public_key: record.public_key })).toBe(false);
    expect(await accept({ ...genuine, credential_id: record.credential_id })).toBe(false);
    expect(await accept(record)).toBe(false);
  });
});

describe("a step-up", () => {
  const judgeBy = async (policy: DecidingPolicy["data"]["levels"]["L4"]["passkeys"], passkey: Passkey, origin?: string) => {
    const writer = writeCharter();
    changeMembers(writer, { persons: { [BOB.person_id]: { ...people.bob, passkeys: [...people.bob.passkeys, passkey] } } });
    const about = await buildRound(writer, { risk: "L4" });
    const rules = { charter: await readCharter(writer), policy: await loadPolicyThatAsks(policy ?? {}) };
    const own = bobs.own.credential_id === passkey.credential_id ? bobs : passkeys.bob;
    const signed = signStatement(buildStatement(about), own, origin);
    return judgeStatement(rules, about, signed, { at_ms: NOW_MS, used_at_ms: NOW_MS });
  };
  const bobs = createCharterPasskey("bob");

  test("counts with the model that the policy asks for, and not with a software passkey beside it", async () => {
    expect(await judgeBy(MODEL, attestModel(bobs))).toMatchObject({ ok: true, value: { admission: { counts: true } } });
    expect(await judgeBy(MODEL, bobs.record)).toMatchObject({
      ...{ ok: false, denial: { code: "step_up_invalid", message: expect.stringContaining("another model of authenticator at L4") } },
    });
  });

  // A page of a compromised LAB 256 asks for the assertion of a plan that the person does not see.
  test("that a page asked for does not count if the policy asks for approvals by ogr", async () => {
    const demands = { origin: TERMINAL_ORIGIN } as const;
    expect(await judgeBy(demands, bobs.record, TERMINAL_ORIGIN)).toMatchObject({ ok: true, value: { admission: { counts: true } } });
    expect(await judgeBy(demands, bobs.record)).toMatchObject({ ok: false, denial: { code: "step_up_invalid" } });
    expect(await judgeBy({}, bobs.record)).toMatchObject({ ok: true });
  });
});

test("a policy that asks for no model accepts every passkey", async () => {
  const { data } = await loadPolicyThatAsks({ origin: TERMINAL_ORIGIN });
  expect((await withPasskeyFilter(data)).acceptsPasskey(passkeys.bob.record, "L4")).toBe(true);
});
