import { afterAll, beforeAll, expect, test } from "vitest";
import { listActors } from "../../src/lab256/identity/actors.js";
import { putMembership } from "../../src/lab256/identity/memberships.js";
import { disableActor } from "../harness/identity.js";
import { ADMIN, BOB, CI, OLGA, type RunningApi, startApi, TENANT } from "./running-api.js";

let api: RunningApi;
beforeAll(async () => {
  api = await startApi("api-identities");
});
afterAll(() => api.stop());

interface Listed {
  readonly actor_id?: string;
  readonly office_id?: string;
  readonly disabled?: boolean;
  readonly policy?: { readonly allowed_actions: readonly string[] } | null;
  readonly holders?: number;
}

const list = async (path: string, query = "") => {
  const answer = await api.call({ path: `${path}?tenant_id=${TENANT}${query}` });
  return { status: answer.status, rows: answer.body as unknown as Listed[], link: answer.headers.get("link") };
};

test("a member reads its tenant with its transport, policy and ledger head", async () => {
  const { body } = await api.call({ path: `/v1/tenant?tenant_id=${TENANT}`, as: BOB });
  const policy = await api.deps.policies.readActivePolicy(TENANT);
  expect(body).toMatchObject({ tenant_id: TENANT, transport: "temporal", policy_hash: policy.ok && policy.value.hash });
  expect(body["ledger"]).toEqual({ container: `C.Registry::${TENANT}`, entries: expect.any(Number), head: expect.any(String) });
});

test("actors are listed by id, page by page, each once, without those of another tenant", async () => {
  const all = (await list("/v1/actors")).rows.map(({ actor_id }) => actor_id);
  expect(all).toEqual(expect.arrayContaining([ADMIN, BOB, CI]));
  expect(all).not.toContain(OLGA);
  const seen: (string | undefined)[] = [];
  for (let page = await list("/v1/actors", "&limit=2"); ; ) {
    expect(page.rows.length).toBeLessThanOrEqual(2);
    seen.push(...page.rows.map(({ actor_id }) => actor_id));
    const next = /^<([^>]+)>/.exec(page.link ?? "")?.[1];
    if (next === undefined) break;
    page = await list("/v1/actors", `&limit=2&after=${new URL(next, "http://api").searchParams.get("after")}`);
  }
  expect(seen).toEqual(all);
});

test("actors can be filtered by office, and a disabled actor is marked", async () => {
  await putMembership(api.deps.db, TENANT, CI, { office_id: "office:forgotten", roles: ["cleaner"] });
  const held = await list("/v1/actors", "&office_id=office:forgotten");
  expect(held.rows).toMatchObject([{ actor_id: CI, disabled: false }]);
  await disableActor(api.deps.db, TENANT, CI, Date.now());
  expect((await list("/v1/actors", "&office_id=office:forgotten")).rows).toMatchObject([{ actor_id: CI, disabled: true }]);
  expect((await listActors(api.deps.db, { tenant_id: "T.OTHER", office_id: "office:forgotten", limit: 10 })).items).toEqual([]);
});

test("an office shows what the policy lets it do, or null if the policy does not know it; disabled actors do not count as holders", async () => {
  await putMembership(api.deps.db, TENANT, BOB, { office_id: "office:forgotten", roles: [] });
  const offices = (await list("/v1/offices")).rows;
  const byId = new Map(offices.map((office) => [office.office_id, office]));
  expect(byId.get("office::default")?.policy?.allowed_actions).toContain("git.registry.push");
  expect(byId.get("office:forgotten")).toEqual({ office_id: "office:forgotten", holders: 1, policy: null });
  expect([...byId.keys()]).toEqual([...byId.keys()].sort());
  const first = await list("/v1/offices", "&limit=1");
  expect([first.rows.length, first.link]).toEqual([1, expect.stringContaining('rel="next"')]);
  const rest = await list("/v1/offices", `&after=${first.rows[0]?.office_id}`);
  expect([...first.rows, ...rest.rows]).toEqual(offices);
});

test("a limit outside 1 to 200 and an invalid cursor are refused", async () => {
  for (const path of ["/v1/actors", "/v1/offices"]) {
    expect((await list(path, "&limit=201")).status).toBe(400);
    expect((await list(path, "&limit=0")).status).toBe(400);
    expect((await list(path, "&after=..%2F..")).status).toBe(400);
  }
});
