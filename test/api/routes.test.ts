import { Readable } from "node:stream";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { RECEIPT_EXAMPLE, STATEMENT_EXAMPLE } from "../../src/api/http/examples.js";
import { ACCESS, type GuardedRoute, type Route } from "../../src/api/http/route.js";
import { createServer } from "../../src/api/http/server.js";
import { buildRouteTable } from "../../src/api/route-table.js";
import { toPactBytes } from "../../src/domain/act/pact.js";
import { hashBlake3Hex } from "../../src/domain/bytes/hash.js";
import type { NewEvent } from "../../src/domain/ledger/event.js";
import { toStagingKey } from "../../src/domain/storage-key.js";
import { authenticateBearer } from "../../src/lab256/identity/authentication.js";
import { appendEvents } from "../../src/lab256/ledger/append.js";
import { createToken } from "../harness/identity.js";
import * as event from "../lab256/ledger/events.js";
import { ADMIN, listProblemFields, OLGA, type RunningApi, startApi, TENANT } from "./running-api.js";

const OTHER = "T.OTHER";
/** An act that waits for its Runner, and a merge that has a receipt and a Pact. */
const [PENDING, MERGED] = [1, 2];
const CARD = STATEMENT_EXAMPLE.statement.card_id;

let api: RunningApi;
let routes: readonly Route[];
beforeAll(async () => {
  api = await startApi("api-routes");
  routes = buildRouteTable(api.deps);
  const charter = await api.deps.charters.readNewest(TENANT);
  PATH_VALUES["policy_hash"] = charter.ok ? charter.value.policy_hash : "";
  await api.deps.db.updateTable("tenants").set({ transport: "pull" }).where("tenant_id", "=", OTHER).execute();
  for (const tenantId of [TENANT, OTHER]) await appendEvents(api.deps.db, tenantId, await buildTenantEvents(tenantId), Date.now());
});
afterAll(() => api.stop());

/** The same project, card, permits and commands for each tenant, so that no answer depends on an id that only one of them has. */
async function buildTenantEvents(tenantId: string): Promise<NewEvent[]> {
  const signatures = [{ keyid: "0123456789abcdef", sig: "c2ln" }];
  const bytes = toPactBytes({ payloadType: "application/vnd.in-toto+json", payload: "e30=", signatures });
  const key = toStagingKey(tenantId, hashBlake3Hex(bytes));
  await api.deps.store.blobs.create(key, bytes);
  const receipt = {
    ...event.buildReceipt(MERGED, "success", []),
    jobType: "git.registry.merge_protected" as const,
    artifacts: [JSON.stringify({ pact: key, blake3: hashBlake3Hex(bytes) })],
  };
  return [
    event.buildRegistered("P.demo"),
    event.buildCardOpened(CARD),
    ...[PENDING, MERGED].flatMap((act) => [event.buildPermitIssued(act), event.buildCommandIssued(act)]),
    { type: "receipt.recorded", key: "receipt.recorded/merge", payload: { receipt, actor_id: ADMIN, card_id: null } },
  ];
}

const PATH_VALUES: Record<string, string> = {
  jti: event.toJti(PENDING),
  id: CARD,
  blake3: "a".repeat(64),
  webhook_id: "wh-x",
  actor_id: "ubl:sid:person:bob",
};
const QUERIES: Record<string, string> = {
  "/v1/query/commands": "&target=LAB_512&pending=1",
  "/v1/query/infra/context": "&project_id=P.demo",
};
/** An office that nobody holds: the request passes the tenant check and begins no flow. */
const VACANT_OFFICE = { office_id: "office:nobody" };
const BODY_CHANGES: Record<string, object> = { "/v1/cards": VACANT_OFFICE, "/v1/plans": VACANT_OFFICE };

const toPath = ({ url }: Route, tenantId: string) =>
  url
    .replace(/\/(projects?)\/:id/, "/$1/P.demo")
    .replace("/receipts/:jti", `/receipts/${event.toJti(MERGED)}`)
    .replace(/:(\w+)/g, (_, name: string) =>
      name === "actor_id" ? `ubl:sid:person:${tenantId === OTHER ? "olga" : "bob"}` : (PATH_VALUES[name] ?? "x"),
    );

/** A well-formed request to a route that names `tenantId` wherever the route reads the tenant. */
function buildRequest(route: Route, tenantId = TENANT) {
  const tenant = "tenant" in route ? route.tenant : "token";
  const example = { ...(route.example as object), ...BODY_CHANGES[route.url] };
  const statement = "statement" in example ? { statement: { ...(example.statement as object), tenant_id: tenantId } } : {};
  return {
    method: route.method,
    path: `${toPath(route, tenantId)}${tenant === "query" ? `?tenant_id=${tenantId}${QUERIES[route.url] ?? ""}` : ""}`,
    ...(route.takesBytes ? { raw: { bytes: "bytes", type: "application/octet-stream" } } : {}),
    ...(route.example === undefined ? {} : { body: { ...example, ...(tenant === "body" ? { tenant_id: tenantId } : {}), ...statement } }),
  };
}

const readsTenant = (route: Route): route is GuardedRoute => "tenant" in route && route.tenant !== "token";

test("only health, readiness and public keys are public", () => {
  for (const route of routes) expect(ACCESS).toContain(route.access);
  const open = routes.filter((route) => route.access === "public").map((route) => route.url);
  expect(open.sort()).toEqual(["/health", "/ready", "/v1/jwks.json"]);
});

test("only the routes about the caller read no tenant", () => {
  const own = routes.filter((route) => "tenant" in route && route.tenant === "token").map(({ method, url }) => `${method} ${url}`);
  expect(own.sort()).toEqual([
    "GET /v1/passkeys",
    "GET /v1/whoami",
    "POST /v1/passkeys/registration",
    "POST /v1/passkeys/registration/options",
  ]);
});

test("a route without an access rule cannot be added", async () => {
  const app = await createServer(api.deps);
  expect(() => app.get("/loophole", async () => "open")).toThrow(/does not say who may call it/);
  await app.close();
});

test("every guarded route answers 401 without a token, with an unknown token and with another scheme", async () => {
  for (const route of routes.filter((one) => one.access !== "public"))
    for (const credentials of [{ as: null }, { token: `ogr_${"A".repeat(49)}` }, { as: null, headers: { authorization: "Basic YTpi" } }]) {
      const answer = await api.call({ ...buildRequest(route), ...credentials });
      expect([route.url, answer.status, answer.body["code"], answer.type.split(";")[0]]).toEqual([
        route.url,
        401,
        "unauthenticated",
        "application/problem+json",
      ]);
      expect(answer.headers.get("www-authenticate")).toContain("Bearer");
    }
});

test("every route that reads a tenant answers 404 for another tenant than the caller's, and serves the caller's own", async () => {
  const runner = await createToken(api.deps.db, {
    ...{ tenant_id: OTHER, actor_id: OLGA, name: "runner", expires_at_ms: null, runner_target: "LAB_512" as const },
  });
  const guarded = routes.filter(readsTenant);
  expect(guarded.length).toBeGreaterThan(25);
  for (const route of guarded) {
    const caller = route.access === "runner" ? { token: runner.token } : { as: OLGA };
    const foreign = await api.call({ ...buildRequest(route, TENANT), ...caller });
    expect([route.method, route.url, foreign.status, foreign.body["code"]]).toEqual([route.method, route.url, 404, "not_found"]);
    const own = await api.call({ ...buildRequest(route, OTHER), ...caller });
    expect([route.method, route.url, own.status], own.text).not.toEqual([route.method, route.url, 404]);
  }
});

test("every guarded route refuses an unknown member of its query or body by name", async () => {
  const token = await api.createRunnerToken();
  for (const route of routes.filter((one) => one.access !== "public")) {
    const request = { ...buildRequest(route), ...(route.access === "runner" ? { token } : {}) };
    const spoilt = [
      ...(route.input.query === undefined ? [] : [{ ...request, path: `${request.path}&also=1` }]),
      ...(route.input.body === undefined ? [] : [{ ...request, body: { ...request.body, also: 1 } }]),
    ];
    for (const one of spoilt) {
      const answer = await api.call(one);
      expect([route.method, route.url, answer.status, listProblemFields(answer)]).toEqual([route.method, route.url, 400, ["also"]]);
    }
  }
});

test("the public routes answer without a token", async () => {
  for (const route of routes.filter((one) => one.access === "public"))
    expect((await api.call({ path: route.url, as: null })).status).toBe(200);
});

describe("runners", () => {
  const listRunnerRoutes = () => routes.filter((route): route is GuardedRoute => route.access === "runner");

  test("the runners' routes answer a member with 404 before they read the request", async () => {
    const token = await api.createRunnerToken();
    for (const route of listRunnerRoutes()) {
      const malformed = { method: route.method, path: toPath(route, TENANT), ...(route.method === "POST" ? { body: {} } : {}) };
      expect([route.url, (await api.call(malformed)).status]).toEqual([route.url, 404]);
      expect([route.url, (await api.call({ ...malformed, token })).status]).toEqual([route.url, 400]);
    }
  });

  test("the handlers of the runners' routes refuse a member with 404 by themselves", async () => {
    const principal = await authenticateBearer(api.deps.db, api.getToken(OLGA), Date.now());
    if (principal === undefined) throw new Error("Olga's token is not known");
    expect(listRunnerRoutes()).toHaveLength(3);
    for (const route of listRunnerRoutes()) {
      const answer = await route.handle({
        url: route.url,
        principal,
        params: { jti: event.toJti(PENDING) },
        query: { tenant_id: OTHER, target: "LAB_512", limit: 50 },
        body: RECEIPT_EXAMPLE,
        bytes: Readable.from([]),
        signal: new AbortController().signal,
        correlate: () => undefined,
      });
      expect([route.url, answer.status]).toEqual([route.url, 404]);
    }
  });

  test("a runner's token is refused on every route for members", async () => {
    const token = await api.createRunnerToken();
    for (const route of routes.filter((one) => one.access === "member"))
      expect([route.url, (await api.call({ ...buildRequest(route), token })).status]).toEqual([route.url, 403]);
  });

  test("a runner of a tenant on Temporal pulls an empty list", async () => {
    const token = await api.createRunnerToken();
    expect(await api.call({ path: `/v1/query/commands?tenant_id=${TENANT}&target=LAB_512&pending=1`, token })).toMatchObject({
      status: 200,
      body: [],
    });
  });

  test("a runner gets 404 for another target or tenant", async () => {
    const token = await api.createRunnerToken("LAB_256");
    for (const query of [`tenant_id=${TENANT}&target=LAB_512`, "tenant_id=T.OTHER&target=LAB_256"])
      expect((await api.call({ path: `/v1/query/commands?${query}&pending=1`, token })).status).toBe(404);
  });
});

test("an unknown path and an unknown method are problem documents", async () => {
  for (const request of [{ path: "/v2/nothing" }, { path: "/v1/cards", method: "DELETE" }, { path: "/%E0%A4%A" }]) {
    const answer = await api.call(request);
    expect([404, 400]).toContain(answer.status);
    expect(answer.type).toContain("application/problem+json");
  }
});
