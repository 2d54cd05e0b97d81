import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ACCESS, type Route } from "../../src/api/http/route.js";
import { createServer } from "../../src/api/http/server.js";
import { buildRouteTable } from "../../src/api/route-table.js";
import { OLGA, type RunningApi, startApi, TENANT } from "./running-api.js";

let api: RunningApi;
let routes: readonly Route[];
beforeAll(async () => {
  api = await startApi("api-routes");
  routes = buildRouteTable(api.deps);
});
afterAll(() => api.stop());

const EXAMPLES: Record<string, string> = {
  jti: "5f0c2b6e-8f0e-4d5b-9a37-3f1f0e6b7a10",
  id: "k-1",
  blake3: "a".repeat(64),
  webhook_id: "wh-x",
};

const queryOf: Record<string, string> = {
  "/v1/query/commands": "&target=LAB_512&pending=1",
  "/v1/query/infra/context": "&project_id=P.demo",
};

const pathOf = ({ url }: Route, tenantId = TENANT) =>
  `${url.replace("/project/:id", "/project/P.demo").replace(/:(\w+)/g, (_, name: string) => EXAMPLES[name] ?? "x")}?tenant_id=${tenantId}${queryOf[url] ?? ""}`;

/** A request that the route would take; `tenant_id` wherever it stands. */
function requestOf(route: Route) {
  const raw = route.takesBytes ? { bytes: "bytes", type: "application/octet-stream" } : undefined;
  const inQuery = "tenant" in route && route.tenant === "query";
  const path = inQuery ? pathOf(route) : (pathOf(route).split("?")[0] ?? "");
  return {
    method: route.method,
    path,
    ...(raw === undefined ? {} : { raw }),
    ...(route.example === undefined ? {} : { body: route.example }),
  };
}

test("every route says who may call it", () => {
  for (const route of routes) expect(ACCESS).toContain(route.access);
  const open = routes.filter((route) => route.access === "public").map((route) => route.url);
  expect(open.sort()).toEqual(["/health", "/ready", "/v1/jwks.json"]);
});

test("a route that does not say who may call it cannot be added", async () => {
  const app = await createServer(api.deps);
  expect(() => app.get("/loophole", async () => "open")).toThrow(/does not say who may call it/);
  await app.close();
});

test("every guarded route answers 401 without a token, and with one that is not known", async () => {
  for (const route of routes.filter((one) => one.access !== "public"))
    for (const credentials of [{ as: null }, { token: `ogr_${"A".repeat(49)}` }, { as: null, headers: { authorization: "Basic YTpi" } }]) {
      const answer = await api.call({ ...requestOf(route), ...credentials });
      expect([route.url, answer.status, answer.body["code"], answer.type.split(";")[0]]).toEqual([
        route.url,
        401,
        "unauthenticated",
        "application/problem+json",
      ]);
      expect(answer.headers.get("www-authenticate")).toContain("Bearer");
    }
});

test("what belongs to another tenant looks like 404, whatever is asked of it", async () => {
  const guarded = routes.filter((route) => route.access === "member" && "tenant" in route && route.tenant !== "token");
  expect(guarded.length).toBeGreaterThan(10);
  for (const route of guarded) {
    const answer = await api.call({ ...requestOf(route), as: OLGA });
    // The statement example is made for a tenant, card and all; only its tenant is looked at.
    expect([route.url, answer.status, answer.body["code"]]).toEqual([route.url, 404, "not_found"]);
  }
});

test("the public routes answer without a token", async () => {
  for (const route of routes.filter((one) => one.access === "public"))
    expect((await api.call({ path: route.url, as: null })).status).toBe(200);
});

describe("runners", () => {
  test("the runners' routes do not exist for a member", async () => {
    for (const route of routes.filter((one) => one.access === "runner")) expect((await api.call(requestOf(route))).status).toBe(404);
  });

  test("a runner's token opens nothing but the runners' routes", async () => {
    const token = await api.runnerToken();
    for (const route of routes.filter((one) => one.access === "member"))
      expect([route.url, (await api.call({ ...requestOf(route), token })).status]).toEqual([route.url, 403]);
  });

  test("a tenant on Temporal has no commands to pull", async () => {
    const token = await api.runnerToken();
    expect(await api.call({ path: `/v1/query/commands?tenant_id=${TENANT}&target=LAB_512&pending=1`, token })).toMatchObject({
      status: 200,
      body: [],
    });
  });

  test("a runner does not see another target or tenant", async () => {
    const token = await api.runnerToken("LAB_256");
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
