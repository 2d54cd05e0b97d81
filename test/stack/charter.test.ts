import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Charters } from "../../src/decision/charter/charters.js";
import { buildFullAllowance } from "../../src/domain/act/full-allowance.js";
import { hashBlake3Hex } from "../../src/domain/bytes/hash.js";
import { TERMINAL_ORIGIN } from "../../src/domain/charter/passkeys.js";
import { toCharterKey, toPolicyBytesKey } from "../../src/domain/storage-key.js";
import type { TenantSeed } from "../../src/lab256/identity/seed.js";
import { type ApprovalSite, appendCharterEntry, foundCharters } from "../../src/stack/founding/charter.js";
import { openStore } from "../../src/storage/open.js";
import type { ObjectStore } from "../../src/storage/ports.js";
import { createTestKey } from "../domain/samples.js";
import { requireOutcome } from "../harness/outcomes.js";

const [FIRST_POLICY, NEXT_POLICY] = [Buffer.from("first"), Buffer.from("next")];
const publish = (policy: Uint8Array) => ({ jobType: "registry.policy.publish", params: { policy_hash: hashBlake3Hex(policy) } }) as const;

let folder: string;
let store: ObjectStore;
let tenants = 0;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "ogr-charter-"));
  store = await openStore({ kind: "directory", path: folder });
});
afterAll(async () => {
  await store.close();
  await rm(folder, { recursive: true });
});

/** Creates a new tenant for a test. */
function createTenant() {
  tenants += 1;
  const seed: TenantSeed = {
    tenant_id: `T.NR${tenants}`,
    actors: [
      { actor_id: "ubl:sid:person:ana", person_id: "person:ana", display_name: "Ana", emails: ["Ana@UBL.example"] },
      { actor_id: "ubl:sid:app:ci", person_id: "person:ana", display_name: "CI" },
    ],
  };
  const key = createTestKey();
  const foundingKeys = new Map([[seed.tenant_id, key]]);
  const allowances = { [seed.tenant_id]: buildFullAllowance(seed.tenant_id) };
  const found = (policy: Uint8Array, more: Partial<TenantSeed> = {}, site?: ApprovalSite) =>
    foundCharters(store, [{ ...seed, ...more }], { foundingKeys, planeKeys: [], allowances }, policy, site);
  const walk = async () => {
    const walked = requireOutcome(await new Charters(store, { tenant_id: seed.tenant_id, founding_jwk: key.jwk }).openWalk(seed.tenant_id));
    expect(await walked.advance((version) => store.blobs.get(toCharterKey(seed.tenant_id, version)))).toMatchObject({ ok: true });
    return walked;
  };
  return { id: seed.tenant_id, key, found, walk };
}

describe("founding a charter", () => {
  it("writes version 1 with the persons, their actors and the policy, and stores the policy's bytes", async () => {
    const tenant = createTenant();
    await tenant.found(FIRST_POLICY);
    const { version, state } = await tenant.walk();
    expect(version).toBe(1);
    expect(state.find("person", "person:ana")).toEqual({ name: "Ana", emails: ["ana@ubl.example"], passkeys: [], disabled: false });
    expect(state.list("actor").map(([id, { person_id }]) => [id, person_id])).toEqual([
      ["ubl:sid:app:ci", "person:ana"],
      ["ubl:sid:person:ana", "person:ana"],
    ]);
    const { policy_hash = "" } = state.find("policy") ?? {};
    expect(await store.blobs.get(toPolicyBytesKey(tenant.id, policy_hash))).toEqual(FIRST_POLICY);
  });

  it("does not change an existing charter with the seed and the policy of a later start", async () => {
    const tenant = createTenant();
    await tenant.found(FIRST_POLICY);
    const before = await tenant.walk();
    await tenant.found(NEXT_POLICY, { actors: [] });
    const after = await tenant.walk();
    expect([after.version, after.entryHash]).toEqual([1, before.entryHash]);
  });

  it("names the relying party whose pages and terminals can approve", async () => {
    const tenant = createTenant();
    await tenant.found(FIRST_POLICY, {}, { id: "registry.example", origins: ["https://registry.example"] });
    expect((await tenant.walk()).state.list("relying_party")).toEqual([
      ["registry.example", { origins: ["https://registry.example", TERMINAL_ORIGIN], use: "approve" }],
    ]);
  });

  it("keeps later changes by the founder", async () => {
    const tenant = createTenant();
    await tenant.found(FIRST_POLICY);
    await appendCharterEntry(store, tenant.id, tenant.key, publish(NEXT_POLICY));
    await tenant.found(FIRST_POLICY);
    expect((await tenant.walk()).state.find("policy")).toEqual(publish(NEXT_POLICY).params);
  });
});

describe("a change signed by the founding key", () => {
  it("is made by only one of two concurrent operators, and the other gets an error", async () => {
    const tenant = createTenant();
    await tenant.found(FIRST_POLICY);
    const both = [NEXT_POLICY, Buffer.from("other")].map((policy) => appendCharterEntry(store, tenant.id, tenant.key, publish(policy)));
    const outcomes = await Promise.allSettled(both);
    expect(outcomes.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
    expect((await tenant.walk()).version).toBe(2);
  });

  it("is refused with another key", async () => {
    const tenant = createTenant();
    await tenant.found(FIRST_POLICY);
    await expect(appendCharterEntry(store, tenant.id, createTestKey(), publish(NEXT_POLICY))).rejects.toThrow(
      "not signed by the tenant's founding key",
    );
  });
});

it("a tenant that is added to the seeds later is not founded, and nothing is written for it", async () => {
  const [first, second] = [createTenant(), createTenant()];
  await first.found(FIRST_POLICY);
  const ids = [first.id, second.id];
  const seeds = {
    foundingKeys: new Map([
      [first.id, first.key],
      [second.id, second.key],
    ]),
    planeKeys: [],
    allowances: Object.fromEntries(ids.map((id) => [id, buildFullAllowance(id)])),
  };
  const found = foundCharters(
    store,
    ids.map((tenant_id) => ({ tenant_id })),
    seeds,
    FIRST_POLICY,
  );
  await expect(found).rejects.toThrow(/its operator founds it first/);
  expect(await store.blobs.stat(toCharterKey(second.id, 1))).toBeUndefined();
});
