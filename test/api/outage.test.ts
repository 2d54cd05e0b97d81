import { afterAll, beforeAll, expect, test } from "vitest";
import { answerFault } from "../../src/api/http/faults.js";
import { buildCardRequest, buildEnvelope, buildPushParams, PATCH } from "./acts.js";
import { type RunningApi, startApi, TENANT } from "./running-api.js";

let api: RunningApi;
beforeAll(async () => {
  // A port that nothing listens on.
  api = await startApi("api-outage", { temporalAddress: "127.0.0.1:9" });
});
afterAll(() => api.stop());

test("without Temporal, a command and a card are 503 with Retry-After and start nothing", async () => {
  const command = { ...buildEnvelope(api.permitKey), params: buildPushParams({ patch: PATCH.toString("base64") }) };
  for (const [path, body] of [
    ["/v1/commands/issue", command],
    ["/v1/cards", buildCardRequest()],
  ] as const) {
    const answer = await api.call({ method: "POST", path, body });
    expect([answer.status, answer.body["code"], answer.headers.get("retry-after")]).toEqual([503, "unavailable", "2"]);
    expect(answer.text).not.toMatch(/node_modules|ECONN|127\.0\.0\.1:9/);
  }
  const entries = await api.deps.db.selectFrom("ledger_entries").select("type").distinct().execute();
  expect(entries).toEqual([{ type: "charter.founded" }]);
});

test("without Temporal, health is ok with a warning, and the api is not ready", async () => {
  expect(await api.call({ path: "/health", as: null })).toMatchObject({
    status: 200,
    body: { status: "ok", pollers: null, warnings: [expect.stringContaining("Temporal")] },
  });
  expect(await api.call({ path: "/ready", as: null })).toMatchObject({
    status: 503,
    type: expect.stringContaining("problem+json"),
    body: { code: "unavailable", database: "ok", object_store: "ok" },
  });
});

test("without Temporal, requests that need only the ledger succeed", async () => {
  expect((await api.call({ path: `/v1/query/registry/projects?tenant_id=${TENANT}` })).status).toBe(200);
});

test("a defect is 500 and reveals nothing about itself", () => {
  const { answer, isDefect } = answerFault(new TypeError("cannot read secret of undefined"), "request-1");
  expect(isDefect).toBe(true);
  expect(answer).toMatchObject({ status: 500, body: { code: "internal" } });
  expect(JSON.stringify(answer)).not.toContain("secret");
});

test.each([
  ["57P01", "terminating connection due to administrator command"],
  ["53300", "too many clients"],
  ["08006", "connection failure"],
  ["ECONNREFUSED", "connect ECONNREFUSED"],
  [undefined, "timeout exceeded when trying to connect"],
  [undefined, "Connection terminated unexpectedly"],
])("an unavailable database (%s) is 503", (code, message) => {
  expect(answerFault(Object.assign(new Error(message), { code }), "r").answer).toMatchObject({
    status: 503,
    body: { code: "unavailable" },
  });
});
