import { beforeEach, describe, expect, it } from "vitest";
import { Charters } from "../../../src/decision/charter/charters.js";
import { CharterWalk } from "../../../src/decision/charter/walk.js";
import { buildFullAllowance } from "../../../src/domain/act/full-allowance.js";
import { toCanonicalBytes } from "../../../src/domain/bytes/canonical.js";
import type { SigningKey } from "../../../src/domain/bytes/signature.js";
import type { ChangeParams, CharterChange } from "../../../src/domain/charter/change.js";
import { type FoundingEntry, foundingEntrySchema } from "../../../src/domain/charter/founding.js";
import { grantValue } from "../../../src/domain/denial.js";
import { createTestKey } from "../../domain/samples.js";
import { ActWorld } from "./acts.js";
import { buildActor, buildFounding, buildPerson, CharterWriter, RP, TENANT } from "./charters.js";

const NEW = "T.ACME";
type Params = ChangeParams<"registry.tenant.found">;

let world: ActWorld;
beforeEach(async () => {
  world = await ActWorld.open({ tenants: [TENANT, "T.OTHER"] });
});

/** Signs version 1 of a new tenant's charter, with what an attacker replaces. */
function signFounding(
  changes: Partial<Params["entry"] & Extract<CharterChange, { jobType: "registry.charter.found" }>["params"]> = {},
  key: SigningKey = createTestKey(),
  tenant = NEW,
): { readonly key: SigningKey; readonly entry: FoundingEntry } {
  const founding = buildFounding(["zoe"]);
  if (founding.jobType !== "registry.charter.found") throw new Error("a founding");
  const policy_hash = world.writer.state.find("policy")?.policy_hash ?? "";
  const change = { ...founding, params: { ...founding.params, policy_hash, ...changes } };
  const writer = new CharterWriter(key, tenant);
  return { key, entry: foundingEntrySchema.parse(writer.append(change)) };
}

function found({ key, entry }: ReturnType<typeof signFounding>, changes: Partial<Params> = {}): CharterChange {
  const params = { tenant_id: entry.tenant_id, founding_jwk: key.jwk, allowance: buildFullAllowance(entry.tenant_id), entry, ...changes };
  return { jobType: "registry.tenant.found", params };
}

const plan = async (change: CharterChange) => (await world.walk()).planNext(change);
async function expectRefused(change: CharterChange, why: RegExp): Promise<void> {
  expect(await plan(change)).toMatchObject({ ok: false, denial: { message: expect.stringMatching(why) } });
}

describe("founding a tenant", () => {
  it("is an act of level L5 that names the tenant in the operator's charter", async () => {
    const change = found(signFounding());
    expect(await plan(change)).toMatchObject({
      ok: true,
      value: { planned: { level: "L5", records: [{ record: `tenant/${NEW}`, before: null }] } },
    });
    await world.act(change);
    const { state } = await world.walk();
    expect(state.find("tenant", NEW)?.founding_jwk).toEqual((change.params as Params).founding_jwk);
  });

  it("is refused in a charter that is not the operator's", async () => {
    world = await ActWorld.open();
    await expectRefused(found(signFounding()), /Only the operator's charter founds tenants/);
  });

  it("is refused unless the founding key signed that tenant's version 1", async () => {
    const genuine = signFounding();
    await expectRefused(found({ ...genuine, key: createTestKey() }), /not signed by the founding key/);
    await expectRefused(found(genuine, { tenant_id: "T.EVIL" }), /founds T\.ACME, not T\.EVIL/);
    const { entry } = genuine;
    await expectRefused(found(genuine, { entry: { ...entry, state_hash: "0".repeat(64) } }), /not signed/);
    const mallory = { ...entry.change.params.persons, "person:mallory": buildPerson("mallory") };
    const changed = { ...entry, change: { ...entry.change, params: { ...entry.change.params, persons: mallory } } };
    await expectRefused(found(genuine, { entry: changed }), /not signed/);
  });

  // Mallory founds a tenant whose card shows the approvers lines that are not true.
  it("is refused with a relying party or origin of several lines", () => {
    const line = "\n    policy the default one";
    for (const [id, origin] of [
      [`acme.example${line}`, "https://acme.example"],
      ["acme.example", `https://acme.example${line}`],
    ] as const) {
      const relying_parties = {
        [RP]: { origins: [`https://${RP}`], use: "approve" as const },
        [id]: { origins: [origin], use: "sign_in" as const },
      };
      expect(() => signFounding({ relying_parties })).toThrow(/visible ASCII/);
    }
  });

  it("is refused with a version 1 whose signed state is not that of its change", async () => {
    const key = createTestKey();
    const writer = new CharterWriter(key, NEW);
    const { change } = signFounding({}, key).entry;
    const entry = foundingEntrySchema.parse(writer.sign({ change, state_hash: "0".repeat(64) }));
    await expectRefused(found({ key, entry }), /does not lead to the state/);
  });

  it("is refused if the new charter names tenants or lists rules, as only the operator's does", async () => {
    const tenants = { "T.SUB": { founding_jwk: createTestKey().jwk, allowance: buildFullAllowance("T.SUB") } };
    await expectRefused(found(signFounding({ tenants })), /Only the operator's charter has tenants/);
  });

  // Nobody could read the new charter, and its founding key would act after the seal.
  it("is refused if the new tenant's founding key is one of its recovery keys", async () => {
    const key = createTestKey();
    const recovery = { jwks: [key.jwk], threshold: 1, delay_ms: 86_400_000 };
    await expectRefused(found(signFounding({ recovery }, key)), /founding key cannot be a recovery key/);
    await world.act(found(signFounding({ recovery }, createTestKey())));
  });

  it("is refused with an office that the new tenant's policy does not know", async () => {
    const actors = { "ubl:sid:person:zoe": buildActor("person:zoe", { offices: [{ office_id: "office:unknown", roles: [] }] }) };
    await expectRefused(found(signFounding({ actors })), /office:unknown, an office that the policy does not know/);
  });

  it("is refused with a folder that overlaps with another tenant's", async () => {
    for (const fs_scope of ["tenants/T.OTHER", "tenants/t.other/below", "tenants"])
      await expectRefused(found(signFounding(), { allowance: { ...buildFullAllowance(NEW), fs_scope } }), /overlaps/);
  });

  // Its people's acts would be taken for those of the other tenant.
  it("is refused with an id that differs from another tenant's only in the case of its letters", async () => {
    for (const tenant of ["T.Other", "T.OTHEr"])
      await expectRefused(
        found(signFounding({}, createTestKey(), tenant), { allowance: buildFullAllowance(NEW) }),
        /differs from T\.OTHER only in the case/,
      );
  });

  // Who could found a tenant anew would own it.
  it("never happens twice, and never changes a founding key", async () => {
    await world.act(found(signFounding()));
    await expectRefused(found(signFounding()), /T\.ACME is founded/);
    const allowance = { ...buildFullAllowance(NEW), jobs: ["git.registry.push"] };
    const { entry: _, ...params } = found(signFounding(), { allowance }).params as Params;
    await expectRefused({ jobType: "registry.tenant.found", params }, /founding key of T\.ACME never changes/);
  });

  it("changes what Runners may do for a known tenant, without an entry", async () => {
    const known = (await world.walk()).state.find("tenant", "T.OTHER");
    if (known === undefined) throw new Error("no T.OTHER");
    const change = (allowance: typeof known.allowance): CharterChange => ({
      jobType: "registry.tenant.found",
      params: { tenant_id: "T.OTHER", founding_jwk: known.founding_jwk, allowance },
    });
    const narrower = { ...known.allowance, jobs: ["git.registry.push"] };
    await world.act(change(narrower));
    expect((await world.walk()).state.find("tenant", "T.OTHER")?.allowance).toEqual(narrower);
    await expectRefused(change(narrower), /already this one/);
    await expectRefused(
      { jobType: "registry.tenant.found", params: { ...change(narrower).params, tenant_id: NEW } as Params },
      /is a new tenant/,
    );
  });
});

describe("the rules of policies", () => {
  it("that the operator's charter lists are those that every tenant can publish from then on", async () => {
    const other = await world.addPolicyWithOtherRules();
    const publish = (rules?: string): CharterChange => ({
      jobType: "registry.policy.publish",
      params: { policy_hash: other.hash, ...(rules === undefined ? {} : { rules }) },
    });
    await expectRefused(publish(), /other rules/);
    await expectRefused(publish("0".repeat(64)), /The rules of the policy .* are/);
    const tenant = await ActWorld.open();
    const foreign = await tenant.addPolicyWithOtherRules();
    const own: CharterChange = { jobType: "registry.policy.publish", params: { policy_hash: foreign.hash } };
    const planOwn = async (change: CharterChange) => (await tenant.walk()).planNext(change);
    expect(await planOwn(own)).toMatchObject({ ok: false });
    expect(await planOwn({ ...own, params: { ...own.params, rules: foreign.rules_hash } })).toMatchObject({
      ok: false,
      denial: { message: expect.stringMatching(/Only the operator's charter lists the rules/) },
    });
    await world.act(publish(other.rules_hash));
    const codes = (await world.walk()).state.list("policy_code").map(([hash]) => hash);
    expect(codes).toEqual([other.rules_hash]);
    for (const code of codes) tenant.policyCodes.add(code);
    expect(await planOwn(own)).toMatchObject({ ok: true });
  });
});

describe("an act of the operator", () => {
  it("lists no other rules than those of the policy that it publishes", async () => {
    const first = await world.addPolicyWithOtherRules();
    await world.act({ jobType: "registry.policy.publish", params: { policy_hash: first.hash, rules: first.rules_hash } });
    const next = await world.addPolicyWithOtherRules((data) => ({ ...data, author_may_approve: true }));
    expect(next.rules_hash).toBe(first.rules_hash);
    await expectRefused(
      { jobType: "registry.policy.publish", params: { policy_hash: next.hash, rules: "e".repeat(64) } },
      /The rules of the policy .* are/,
    );
  });

  it("takes from the operator's own tenant nothing by which its charter changes", async () => {
    const founding_jwk = world.writer.key.jwk;
    for (const changes of [{ jobs: ["git.registry.push"] }, { network_whitelist: ["temporal"] }]) {
      const allowance = { ...buildFullAllowance(TENANT), ...changes };
      expect(await plan({ jobType: "registry.tenant.found", params: { tenant_id: TENANT, founding_jwk, allowance } })).toMatchObject({
        denial: { code: "charter_unreachable" },
      });
    }
  });

  // A Runner that served the tenant would keep the old folder, which another tenant could get.
  it("never moves a tenant to another folder", async () => {
    const known = (await world.walk()).state.find("tenant", "T.OTHER");
    if (known === undefined) throw new Error("no T.OTHER");
    const { founding_jwk } = known;
    const allowance = { ...known.allowance, fs_scope: "elsewhere" };
    await expectRefused({ jobType: "registry.tenant.found", params: { tenant_id: "T.OTHER", founding_jwk, allowance } }, /never changes/);
  });
});

describe("a tenant's charter", () => {
  /** Opens charters on the entries of these writers. */
  function openCharters(...writers: readonly CharterWriter[]) {
    const entries = new Map<string, Uint8Array>(
      writers.flatMap((writer) =>
        writer.entries.map((entry) => [`charter/${writer.tenant_id}/${entry.version}.json`, toCanonicalBytes(entry)] as const),
      ),
    );
    const blobs = { get: async (key: string) => entries.get(key), stat: async () => undefined };
    return new Charters({ blobs }, { tenant_id: TENANT, founding_jwk: writers[0]?.key.jwk ?? createTestKey().jwk });
  }

  function writeOperator(tenants: Readonly<Record<string, SigningKey>>): CharterWriter {
    const operator = new CharterWriter();
    const founding = buildFounding();
    if (founding.jobType !== "registry.charter.found") throw new Error("a founding");
    for (const [id, key] of Object.entries({ [TENANT]: operator.key, ...tenants }))
      founding.params.tenants[id] = { founding_jwk: key.jwk, allowance: buildFullAllowance(id) };
    operator.append(founding);
    return operator;
  }

  it("is walked from the founding key in the operator's charter", async () => {
    const acme = new CharterWriter(undefined, NEW);
    acme.append(buildFounding(["zoe"]));
    const charters = openCharters(writeOperator({ [NEW]: acme.key }), acme);
    expect(await charters.readNewest(NEW)).toMatchObject({ ok: true, value: { version: 1, founding_jwk: acme.key.jwk } });
    expect(await charters.readAllowance(NEW)).toEqual({ ok: true, value: buildFullAllowance(NEW) });
  });

  // Who can write to the object store could otherwise found tenants.
  it("is unknown if the operator's charter does not name the tenant, and not valid from another founding key", async () => {
    const acme = new CharterWriter(undefined, NEW);
    acme.append(buildFounding(["zoe"]));
    const unnamed = openCharters(writeOperator({}), acme);
    expect(await unnamed.readNewest(NEW)).toMatchObject({ ok: false, denial: { code: "tenant_unknown" } });
    expect(await unnamed.readAllowance(NEW)).toMatchObject({ ok: false, denial: { code: "tenant_unknown" } });
    const forged = openCharters(writeOperator({ [NEW]: createTestKey() }), acme);
    expect(await forged.readNewest(NEW)).toMatchObject({ ok: false, denial: { code: "charter_invalid" } });
  });

  it("that names tenants itself makes none known, and lists no rules", async () => {
    const acme = writeOperator({ "T.SUB": createTestKey() });
    const own = new CharterWriter(acme.key, NEW);
    const [first] = acme.entries;
    if (first === undefined) throw new Error("no entry");
    own.append(first.change);
    const charters = openCharters(writeOperator({ [NEW]: own.key }), own);
    expect(await charters.readNewest(NEW)).toMatchObject({ ok: true });
    expect(await charters.readNewest("T.SUB")).toMatchObject({ ok: false, denial: { code: "tenant_unknown" } });
    const policy = await world.addPolicyWithOtherRules();
    const sources = { readPolicy: async () => grantValue(policy), readPolicyParts: async () => grantValue(policy) };
    const { operatorCharter } = await world.walk();
    const walk = new CharterWalk(NEW, own.key.jwk, { ...sources, readOperator: async () => grantValue(operatorCharter) });
    await walk.advance(own.read);
    const params = { policy_hash: policy.hash, rules: policy.rules_hash };
    expect(await walk.checkNamedPolicy({ jobType: "registry.policy.publish", params })).toMatchObject({
      ok: false,
      denial: { message: expect.stringMatching(/Only the operator's charter lists/) },
    });
  });
});
