import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { createHealthChecks } from "../../src/api/health.js";
import { ENVELOPE_EXAMPLE, PERMIT_REQUEST_EXAMPLE } from "../../src/api/http/examples.js";
import { PRINCIPAL_MAX_AGE_MS, PRINCIPALS_MAX_COUNT, PrincipalCache } from "../../src/api/http/principal-cache.js";
import { buildRouteTable } from "../../src/api/route-table.js";
import { jwksSchema } from "../../src/domain/bytes/jwks.js";
import type { Principal } from "../../src/lab256/identity/authentication.js";
import { createProcessLog } from "../../src/process/log.js";
import { createToken, revokeToken } from "../harness/identity.js";
import { ADMIN, CI, type RunningApi, startApi, TENANT } from "./running-api.js";

let api: RunningApi;
beforeAll(async () => {
  api = await startApi("api-service");
});
afterAll(() => api.stop());

interface Operation {
  operationId: string;
  summary: string;
  security?: object[];
  requestBody?: { content: Record<string, { example?: unknown; schema: { $ref?: string } }> };
  responses: Record<string, { content?: Record<string, { schema: object }> }>;
}

test("whoami returns the token's owner, not the token", async () => {
  const answer = await api.call({ path: "/v1/whoami" });
  expect(answer.body).toEqual({
    tenant_id: TENANT,
    actor_id: ADMIN,
    kind: "person",
    person_id: "person:ana",
    offices: expect.arrayContaining([{ office_id: "office::default", roles: ["maintainer"] }]),
  });
});

test("the keys of LAB 256 are served without their private parts", async () => {
  const { body, text } = await api.call({ path: "/v1/jwks.json", as: null });
  expect(jwksSchema.parse(body)).toEqual(api.deps.servedJwks);
  expect(text).not.toContain('"d"');
});

test("health returns ok, the pollers and the clock skew", async () => {
  const { status, body } = await api.call({ path: "/health", as: null });
  expect([status, body]).toEqual([
    200,
    {
      status: "ok",
      pollers: [
        { task_queue: "LAB_256", pollers: 0, last_poll_ms: null },
        { task_queue: "LAB_512", pollers: 0, last_poll_ms: null },
      ],
      clock_skew_ms: expect.any(Number),
      anchor_age_ms: expect.any(Number),
      unsealed_charters: 2,
      waiting_recoveries: 0,
      warnings: [expect.stringContaining("LAB_256"), expect.stringContaining("LAB_512")],
    },
  ]);
  expect(await api.call({ path: "/ready", as: null })).toMatchObject({
    status: 200,
    body: { database: "ok", object_store: "ok", temporal: "ok" },
  });
});

test("readiness is checked once for parallel callers, and again after two seconds", async () => {
  const ping = vi.spyOn(api.deps.temporal, "ping");
  let now = 0;
  const { readReadiness } = createHealthChecks({ ...api.deps, now: () => now });
  await Promise.all([readReadiness(), readReadiness()]);
  now = 1999;
  await readReadiness();
  expect(ping).toHaveBeenCalledTimes(1);
  now = 2000;
  await readReadiness();
  expect(ping).toHaveBeenCalledTimes(2);
});

test("the document is OpenAPI 3.1 and has every route, its refusals and an example of every body", async () => {
  const { body } = await api.call({ path: "/openapi.json", as: null });
  const document = body as {
    openapi: string;
    paths: Record<string, Record<string, Operation>>;
    components: { schemas: Record<string, object> };
  };
  expect(document.openapi).toBe("3.1.0");
  const routes = buildRouteTable(api.deps);
  for (const route of routes) {
    const operation = document.paths[route.url.replace(/:(\w+)/g, "{$1}")]?.[route.method.toLowerCase()];
    expect(operation, route.url).toBeDefined();
    expect(operation?.summary).toBe(route.summary);
    expect(operation?.security, route.url).toEqual(route.access === "public" ? undefined : [{ token: [] }]);
    expect(Object.keys(operation?.responses ?? {})).toEqual(expect.arrayContaining(Object.keys(route.answers)));
    if (route.access !== "public")
      expect(operation?.responses["401"]?.content).toHaveProperty(
        ["application/problem+json", "schema", "$ref"],
        "#/components/schemas/Problem",
      );
    if (route.input.body !== undefined)
      expect(operation?.requestBody?.content["application/json"]?.example, route.url).toEqual(route.example);
  }
  const count = Object.values(document.paths).flatMap((path) => Object.keys(path)).length;
  expect(count).toBe(routes.length);
  expect(Object.keys(document.components.schemas)).toEqual(
    expect.arrayContaining(["Problem", "Permit", "CommandEnvelopeInput", "Receipt"]),
  );
  expect(JSON.stringify(document)).not.toContain("__SCHEMA__");
  const names = Object.values(document.paths).flatMap((path) => Object.values(path).map((operation) => operation.operationId));
  expect(new Set(names).size).toBe(names.length);
  for (const reference of JSON.stringify(document).matchAll(/"\$ref":"#\/components\/schemas\/([^"]+)"/g))
    expect(document.components.schemas).toHaveProperty(reference[1] ?? "");
});

test("the routes accept the examples of their bodies", () => {
  for (const { input, example, url } of buildRouteTable(api.deps))
    if (input.body !== undefined) expect([url, input.body.safeParse(example).success]).toEqual([url, true]);
  expect(ENVELOPE_EXAMPLE.params).toEqual(PERMIT_REQUEST_EXAMPLE.params);
});

test("/docs serves pages of the document", async () => {
  const response = await fetch(`${api.url}/docs/`);
  expect([response.status, response.headers.get("content-type")]).toEqual([200, expect.stringContaining("text/html")]);
});

test("a revoked token is refused within two seconds", async () => {
  const { token, token_id } = await createToken(api.deps.db, {
    tenant_id: TENANT,
    actor_id: CI,
    name: "short",
    expires_at_ms: null,
    runner_target: null,
  });
  expect((await api.call({ path: "/v1/whoami", token })).status).toBe(200);
  await revokeToken(api.deps.db, TENANT, token_id, Date.now());
  await expect.poll(async () => (await api.call({ path: "/v1/whoami", token })).status, { timeout: 10_000, interval: 200 }).toBe(401);
});

test("principals are cached for two seconds, looked up once for parallel requests, and at most a thousand", async () => {
  let now = 0;
  const asked: string[] = [];
  const cache = new PrincipalCache(
    async (bearer) => {
      asked.push(bearer);
      return bearer === "unknown" ? undefined : ({ actor_id: bearer } as Principal);
    },
    () => now,
  );
  await Promise.all(Array.from({ length: 10 }, () => cache.findPrincipal("a")));
  expect(asked).toEqual(["a"]);
  now = PRINCIPAL_MAX_AGE_MS;
  await cache.findPrincipal("a");
  expect(asked).toEqual(["a", "a"]);
  await cache.findPrincipal("unknown");
  await cache.findPrincipal("unknown");
  expect(asked).toHaveLength(4);
  for (let n = 0; n < PRINCIPALS_MAX_COUNT; n += 1) await cache.findPrincipal(`other ${n}`);
  asked.length = 0;
  await cache.findPrincipal("a");
  expect(asked).toEqual(["a"]);
});

test("a failed lookup is not cached", async () => {
  let fails = true;
  const cache = new PrincipalCache(
    async (bearer) => {
      if (fails) throw new Error("no database");
      return { actor_id: bearer } as Principal;
    },
    () => 0,
  );
  await expect(cache.findPrincipal("a")).rejects.toThrow("no database");
  fails = false;
  expect(await cache.findPrincipal("a")).toEqual({ actor_id: "a" });
});

test("the log names the act and the actor, and no secret", async () => {
  const jti = "5f0c2b6e-8f0e-4d5b-9a37-3f1f0e6b7a10";
  const { headers } = await api.call({ path: `/v1/permits/${jti}?tenant_id=${TENANT}` });
  const findLogLine = () => api.logged.map((line) => JSON.parse(line)).find((line) => line.request_id === headers.get("x-request-id"));
  await expect
    .poll(findLogLine)
    .toMatchObject({ correlation_id: jti, actor_id: ADMIN, tenant_id: TENANT, route: "/v1/permits/:jti", status: 404 });
  expect(api.logged.join("")).not.toContain("ogr_");

  const lines: string[] = [];
  const log = createProcessLog("api", "info", { write: (line: string) => void lines.push(line) });
  log.info(
    { authorization: "Bearer ogr_x", req: { headers: { authorization: "Bearer ogr_x" } }, signed: { assertion: "ogr_x" }, token: "ogr_x" },
    "secrets",
  );
  expect(lines.join("")).not.toContain("ogr_x");
});
