import { afterAll, beforeAll, expect, test } from "vitest";
import { TELEMETRY_ACTOR_ID } from "../../../src/domain/service-actor.js";
import { createServiceActor, findActor } from "../../../src/lab256/identity/actors.js";
import { authenticateBearer } from "../../../src/lab256/identity/authentication.js";
import { putMembership } from "../../../src/lab256/identity/memberships.js";
import { addRunnerKey, listRunnerKeys } from "../../../src/lab256/identity/runner-keys.js";
import { tenantSeedSchema } from "../../../src/lab256/identity/seed.js";
import { findTenant, listTenants } from "../../../src/lab256/identity/tenants.js";
import { checkTokenShape, createTokenText } from "../../../src/lab256/identity/token-text.js";
import { createToken, disableActor, listTokens, removeMembership, revokeRunnerKey, revokeToken } from "../../harness/identity.js";
import { ADMIN, buildUblTenant, CI, createSigningKey, MIRA, NOW_MS, openPeople, type People } from "./people.js";
import { seedTenant } from "./seed-tenant.js";

let people: People;
beforeAll(async () => {
  people = await openPeople("tokens");
});
afterAll(() => people.close());

const HOUR_MS = 3_600_000;

async function createCiToken(members: { expires_at_ms?: number; tenant_id?: string; actor_id?: string } = {}) {
  return createToken(people.db, { tenant_id: "T.UBL", actor_id: CI, name: "ci", expires_at_ms: null, runner_target: null, ...members });
}

test("a token authenticates its actor with their offices and roles", async () => {
  expect(await authenticateBearer(people.db, people.adminToken, NOW_MS)).toEqual({
    tenant_id: "T.UBL",
    ...ADMIN,
    kind: "person",
    offices: [
      { office_id: "office::default", roles: ["maintainer"] },
      { office_id: "office:security", roles: [] },
    ],
    runner_target: null,
    token_id: expect.any(String),
  });
});

test("an unknown token and a text that is not a token authenticate no actor", async () => {
  for (const bearer of [createTokenText(), "", "ogr_", "' or 1=1 --", "x".repeat(100_000)])
    expect(await authenticateBearer(people.db, bearer, NOW_MS)).toBeUndefined();
});

test("a token is valid until the millisecond before its expiry", async () => {
  const { token } = await createCiToken({ expires_at_ms: NOW_MS + 1000 });
  expect(await authenticateBearer(people.db, token, NOW_MS + 999)).toMatchObject({ actor_id: CI, kind: "app", person_id: "person:admin" });
  expect(await authenticateBearer(people.db, token, NOW_MS + 1000)).toBeUndefined();
});

test("a revoked token is refused at once and cannot be revoked again", async () => {
  const { token, token_id } = await createCiToken();
  expect(await revokeToken(people.db, "T.UBL", token_id, NOW_MS)).toBe(true);
  expect(await authenticateBearer(people.db, token, NOW_MS)).toBeUndefined();
  expect(await revokeToken(people.db, "T.UBL", token_id, NOW_MS)).toBe(false);
});

test("one tenant cannot revoke or list another's tokens", async () => {
  const { token, token_id } = await createCiToken();
  expect(await revokeToken(people.db, "T.Other", token_id, NOW_MS)).toBe(false);
  expect(await authenticateBearer(people.db, token, NOW_MS)).toBeDefined();
  expect(await listTokens(people.db, "T.Other", CI)).toEqual([]);
});

test("a token for a person's actor in one tenant does not authenticate their actor in another", async () => {
  const { token } = await createCiToken({ tenant_id: "T.Other", actor_id: MIRA.actor_id });
  expect(await authenticateBearer(people.db, token, NOW_MS)).toMatchObject({
    tenant_id: "T.Other",
    person_id: MIRA.person_id,
    offices: [],
  });
});

test("the text of a token is not stored", async () => {
  const { token } = await createCiToken();
  const rows = await people.db.selectFrom("tokens").selectAll().execute();
  expect(JSON.stringify(rows)).not.toContain(token.slice(4, 47));
});

test("a token's last use is recorded at most once an hour", async () => {
  const { token, token_id } = await createCiToken();
  const readLastUse = async () => (await listTokens(people.db, "T.UBL", CI)).find((entry) => entry.token_id === token_id)?.last_used_at_ms;
  expect(await readLastUse()).toBeNull();
  await authenticateBearer(people.db, token, NOW_MS);
  await authenticateBearer(people.db, token, NOW_MS + HOUR_MS - 1);
  expect(await readLastUse()).toBe(NOW_MS);
  await authenticateBearer(people.db, token, NOW_MS + HOUR_MS);
  expect(await readLastUse()).toBe(NOW_MS + HOUR_MS);
});

test("a mistyped token is distinguished from an unknown one without the database", () => {
  const token = createTokenText();
  const changed = token.slice(0, 10) + (token[10] === "A" ? "B" : "A") + token.slice(11);
  expect([token, changed, token.slice(0, -1), `${token}x`, "ghp_abc"].map(checkTokenShape)).toEqual([
    "well_formed",
    "mistyped",
    "mistyped",
    "mistyped",
    "foreign",
  ]);
});

test("a token for an actor that the tenant does not have cannot be created", async () => {
  await expect(createCiToken({ tenant_id: "T.Other" })).rejects.toThrow(/foreign key/);
});

test("the tokens of a disabled actor are refused", async () => {
  await seedTenant(
    people.db,
    { tenant_id: "T.UBL", actors: [{ actor_id: "ubl:sid:agent:x", person_id: "person:admin", display_name: "X" }] },
    NOW_MS,
  );
  const { token } = await createCiToken({ actor_id: "ubl:sid:agent:x" });
  expect(await authenticateBearer(people.db, token, NOW_MS)).toMatchObject({ kind: "agent" });
  expect(await disableActor(people.db, "T.UBL", "ubl:sid:agent:x", NOW_MS)).toBe(true);
  expect(await authenticateBearer(people.db, token, NOW_MS)).toBeUndefined();
});

test("the registry's service actor cannot be seeded, has no token and is not authenticated by one", async () => {
  const buildSeed = (actor_id: string) => ({
    tenant_id: "T.UBL",
    actors: [{ actor_id, person_id: "person:admin", display_name: "Telemetry" }],
  });
  const ids = [TELEMETRY_ACTOR_ID, "ubl:sid:app:Registry.Telemetry"];
  for (const actor_id of ids) {
    await expect(seedTenant(people.db, buildSeed(actor_id), NOW_MS)).rejects.toThrow(/registry's own services/);
  }
  await createServiceActor(people.db, { tenant_id: "T.UBL", actor_id: TELEMETRY_ACTOR_ID, display_name: "Registry telemetry" });
  await expect(createCiToken({ actor_id: TELEMETRY_ACTOR_ID })).rejects.toThrow(/has no token/);
  const { token, token_id } = await createCiToken({});
  await people.db.updateTable("tokens").set({ actor_id: TELEMETRY_ACTOR_ID }).where("token_id", "=", token_id).execute();
  expect(await authenticateBearer(people.db, token, NOW_MS)).toBeUndefined();
});

test("a second seed does not undo later changes", async () => {
  const { db, adminToken } = people;
  const reread = () => Promise.all([findActor(db, "T.UBL", MIRA.actor_id), listTokens(db, "T.UBL", ADMIN.actor_id), listTenants(db)]);
  await putMembership(db, "T.UBL", MIRA.actor_id, { office_id: "office:security", roles: ["reviewer"] });
  expect(await removeMembership(db, "T.UBL", MIRA.actor_id, "office::default")).toBe(true);
  const before = await reread();
  await seedTenant(db, { ...buildUblTenant(adminToken), transport: "pull" }, NOW_MS + 1);
  expect(await reread()).toEqual(before);
  expect(before[0]?.offices).toEqual([{ office_id: "office:security", roles: ["reviewer"] }]);
  expect(await findTenant(db, "T.UBL")).toMatchObject({ transport: "temporal" });
});

test("an invalid seed is refused with the name of every bad field", () => {
  const bad = { tenant_id: "UBL", actors: [{ actor_id: "admin", display_name: "", tokens: [{ name: "n", token: "secret" }] }], extra: 1 };
  const fields = tenantSeedSchema.safeParse(bad).error?.issues.map((issue) => issue.path.join(".")) ?? [];
  expect(fields).toEqual(
    expect.arrayContaining(["tenant_id", "actors.0.actor_id", "actors.0.display_name", "actors.0.tokens.0.token", ""]),
  );
});

test("a runner's key is listed only for its tenant and target until it is revoked", async () => {
  const { jwk } = createSigningKey();
  await addRunnerKey(people.db, "T.UBL", "LAB_256", jwk);
  expect(await listRunnerKeys(people.db, "T.UBL", "LAB_256")).toEqual({ keys: [jwk] });
  expect(await listRunnerKeys(people.db, "T.UBL", "LAB_512")).toEqual({ keys: [] });
  expect(await listRunnerKeys(people.db, "T.Other", "LAB_256")).toEqual({ keys: [] });
  expect(await revokeRunnerKey(people.db, "T.UBL", "LAB_256", jwk.kid, NOW_MS)).toBe(true);
  await addRunnerKey(people.db, "T.UBL", "LAB_256", jwk);
  expect(await listRunnerKeys(people.db, "T.UBL", "LAB_256")).toEqual({ keys: [] });
});
