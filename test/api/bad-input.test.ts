import { connect } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  CARD_REQUEST_EXAMPLE,
  ENVELOPE_EXAMPLE,
  PERMIT_REQUEST_EXAMPLE,
  RECEIPT_EXAMPLE,
  STATEMENT_EXAMPLE,
} from "../../src/api/http/examples.js";
import { buildCardRequest, buildPermitRequest, buildPushParams } from "./acts.js";
import { type ApiAnswer, listProblemFields, type RunningApi, startApi, TENANT } from "./running-api.js";

let api: RunningApi;
beforeAll(async () => {
  api = await startApi("api-bad-input");
});
afterAll(() => api.stop());

const post = (path: string, body: unknown) => api.call({ method: "POST", path, body });

function expectProblem(answer: ApiAnswer, status: number, code: string): void {
  expect(answer.body).toMatchObject({
    code,
    status,
    type: `urn:ubl:problem:${code}`,
    title: expect.any(String),
    detail: expect.any(String),
  });
  expect(answer.status).toBe(status);
  expect(answer.type).toContain("application/problem+json");
  expect(answer.text).not.toMatch(/node_modules|\.ts:|at async/);
}

test.each([
  [
    "/v1/policy/permit",
    { ...PERMIT_REQUEST_EXAMPLE, target: "*", params: buildPushParams({ branch: "a..b", expected_old: "1" }) },
    ["params.branch", "params.expected_old", "target"],
  ],
  ["/v1/policy/permit", { ...PERMIT_REQUEST_EXAMPLE, jobType: "git.registry.explode" }, ["jobType"]],
  ["/v1/commands/issue", { ...ENVELOPE_EXAMPLE, jti: "1", permit: { ...ENVELOPE_EXAMPLE.permit, exp: "soon" } }, ["jti", "permit.exp"]],
  ["/v1/cards", { ...CARD_REQUEST_EXAMPLE, intent: " ", office_id: "boss" }, ["intent", "office_id"]],
  [
    "/v1/cards",
    { ...CARD_REQUEST_EXAMPLE, params: { ...CARD_REQUEST_EXAMPLE.params, owners: [], visibility: "secret" } },
    ["params.owners", "params.visibility"],
  ],
  [
    "/v1/cards/k-1/statements",
    { statement: { ...STATEMENT_EXAMPLE.statement, decision: "maybe", nonce: "short" } },
    ["statement.decision", "statement.nonce"],
  ],
  ["/v1/cards/k-1/statements/prepare", { tenant_id: TENANT, decision: "approve" }, ["office_id"]],
  ["/v1/permits/5f0c2b6e-8f0e-4d5b-9a37-3f1f0e6b7a10/revoke", { tenant_id: TENANT, reason: "" }, ["reason"]],
  ["/v1/permits/5f0c2b6e-8f0e-4d5b-9a37-3f1f0e6b7a10/revoke", { tenant_id: TENANT, reason: "cafe\u0301" }, ["reason"]],
  ["/v1/permits/5f0c2b6e-8f0e-4d5b-9a37-3f1f0e6b7a10/revoke", { tenant_id: TENANT, reason: "a\u0085b" }, ["reason"]],
  [
    "/v1/cards",
    { ...CARD_REQUEST_EXAMPLE, intent: "a\u001bb", params: { ...CARD_REQUEST_EXAMPLE.params, name: "a\u200bb" } },
    ["intent", "params.name"],
  ],
  [
    "/v1/cards",
    {
      ...CARD_REQUEST_EXAMPLE,
      jobType: "registry.webhooks.change",
      params: {
        project_id: "_",
        webhooks: { "wh-a": { url: "https://a.example/", types: ["card.closed", "reciept.recorded"], retries_ms: [], disabled: false } },
      },
    },
    ["params.webhooks.wh-a.types.1"],
  ],
  ["/v1/passkeys/registration", { name: "", response: 1 }, ["name", "response"]],
])("bad fields of %s are named", async (path, body, fields) => {
  const answer = await post(path, body);
  expectProblem(answer, 400, "invalid_request");
  expect(listProblemFields(answer).sort()).toEqual([...fields].sort());
});

test("a runner's receipt is refused by field if it has bad fields", async () => {
  const answer = await api.call({
    method: "POST",
    path: "/v1/exec.finish",
    body: { ...RECEIPT_EXAMPLE, status: "fine", usage: {} },
    token: await api.createRunnerToken(),
  });
  expectProblem(answer, 400, "invalid_request");
  expect(listProblemFields(answer)).toEqual(expect.arrayContaining(["status", "usage.wall_ms"]));
});

test("unknown members are refused by name, except inside context", async () => {
  const bodies: [string, object, string][] = [
    ["/v1/policy/permit", buildPermitRequest({ admin: true }), "admin"],
    ["/v1/commands/issue", { ...ENVELOPE_EXAMPLE, permit: { ...ENVELOPE_EXAMPLE.permit, extra: 1 } }, "permit.extra"],
    ["/v1/cards", buildCardRequest({ card_id: "k-mine" }), "card_id"],
    ["/v1/cards", buildCardRequest({ params: { ...CARD_REQUEST_EXAMPLE.params, hidden: 1 } }), "params.hidden"],
    ["/v1/cards/k-1/statements", { ...STATEMENT_EXAMPLE, attestor: { kid: "x", sig: "y" } }, "attestor"],
  ];
  for (const [path, body, field] of bodies) {
    const answer = await post(path, body);
    expectProblem(answer, 400, "invalid_request");
    expect(listProblemFields(answer)).toContain(field);
  }
  expect((await post("/v1/policy/permit", buildPermitRequest({ context: { whatever: { nested: [1] } } }))).status).toBe(200);
});

test("unknown and malformed query members are refused by name", async () => {
  for (const [query, field] of [
    ["limit=0", "limit"],
    ["limit=201", "limit"],
    ["limit=ten", "limit"],
    ["after=-1", "after"],
    ["status=open", "status"],
    ["project_id=demo", "project_id"],
    ["sort=asc", "sort"],
  ]) {
    const answer = await api.call({ path: `/v1/cards?tenant_id=${TENANT}&${query}` });
    expectProblem(answer, 400, "invalid_request");
    expect(listProblemFields(answer)).toEqual([field]);
  }
  expect(listProblemFields(await api.call({ path: `/v1/cards/k-1?tenant_id=${TENANT}&wait_ms=30001` }))).toEqual(["wait_ms"]);
  expect(listProblemFields(await api.call({ path: "/v1/cards" }))).toEqual(["tenant_id"]);
});

test("a body with a `__proto__` or `constructor.prototype` member is refused, although it is valid without it", async () => {
  const { tenant_id } = CARD_REQUEST_EXAMPLE;
  const path = "/v1/permits/5f0c2b6e-8f0e-4d5b-9a37-3f1f0e6b7a10/revoke";
  const send = (text: string) => api.call({ method: "POST", path, raw: { bytes: text, type: "application/json" } });
  const valid = JSON.stringify({ tenant_id, reason: "Not needed." });
  expect((await send(valid)).status).toBe(404);
  for (const [member, field] of [
    ['"__proto__": {"admin": true}', "__proto__"],
    ['"constructor": {"prototype": {"admin": true}}', "constructor.prototype"],
  ] as const) {
    const answer = await send(valid.replace("{", `{${member},`));
    expectProblem(answer, 400, "invalid_request");
    expect(listProblemFields(answer)).toEqual([field]);
  }
});

test("a body that two readers could read as two requests, or a database refuses, is refused by its member", async () => {
  const permit = JSON.stringify(buildPermitRequest({ context: { note: "NOTE" } }));
  for (const [value, field] of [
    ['"a", "note": "b"', "context.note"],
    ['"a", "n\\u006fte": "b"', "context.note"],
    ['"x\\u0000y"', "context.note"],
    ['"\\ud800"', "context.note"],
    ["9007199254740993", "context.note"],
    ["[0.5, 0.10000000000000000555]", "context.note.1"],
  ] as const) {
    const bytes = permit.replace('"NOTE"', value);
    const answer = await api.call({ method: "POST", path: "/v1/policy/permit", raw: { bytes, type: "application/json" } });
    expectProblem(answer, 400, "invalid_request");
    expect(listProblemFields(answer)).toEqual([field]);
  }
  const plain = permit.replace('"NOTE"', "[1.0, 1e3, 0.1]");
  expect((await api.call({ method: "POST", path: "/v1/policy/permit", raw: { bytes: plain, type: "application/json" } })).status).toBe(200);
});

test("a body of many members gets a short answer, and one of very many is refused before it is read", async () => {
  const members = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, n) => [`m${n}`, 1]));
  const many = await post("/v1/cards", buildCardRequest(members(10_000)));
  expectProblem(many, 400, "invalid_request");
  expect(listProblemFields(many)).toHaveLength(21);
  expect(many.text).toContain("9980 more problems");
  const tooMany = await post("/v1/cards", buildCardRequest({ context: members(20_001) }));
  expectProblem(tooMany, 400, "invalid_request");
  expect(tooMany.text).toContain("more than 20000 values");
});

test.each(["{", "", "[1,", '{"tenant_id": NaN}', "null", "[]", '"text"'])(
  "the body %j is refused with a problem document",
  async (text) => {
    const answer = await api.call({ method: "POST", path: "/v1/cards", raw: { bytes: text, type: "application/json" } });
    expectProblem(answer, 400, "invalid_request");
  },
);

test("a body of another type is 415, and one above the limit 413", async () => {
  for (const type of ["text/plain", "application/xml", "application/octet-stream", "application/x-www-form-urlencoded"])
    expectProblem(await api.call({ method: "POST", path: "/v1/cards", raw: { bytes: "{}", type } }), 415, "unsupported");
  const large = { tenant_id: TENANT, reason: "x".repeat(70_000) };
  expectProblem(await post("/v1/permits/5f0c2b6e-8f0e-4d5b-9a37-3f1f0e6b7a10/revoke", large), 413, "too_large");
});

test("an inline patch above 1 MiB is refused with the advice to stage it", async () => {
  const patch = Buffer.alloc(1024 * 1024 + 3).toString("base64");
  const answer = await post("/v1/policy/permit", buildPermitRequest({ params: buildPushParams({ patch }) }));
  expectProblem(answer, 400, "invalid_request");
  expect(JSON.stringify(answer.body["errors"])).toContain("/v1/staging/");
});

test("bytes that are not HTTP get a problem document, and the connection closes", async () => {
  const { hostname, port } = new URL(api.url);
  const answer = await new Promise<string>((resolve, reject) => {
    const socket = connect(Number(port), hostname, () => socket.write("GARBAGE\r\n\r\n"));
    let text = "";
    socket.on("data", (chunk) => {
      text += String(chunk);
    });
    socket.on("close", () => resolve(text));
    socket.on("error", reject);
  });
  expect(answer).toContain("400 Bad Request");
  expect(answer).toContain("application/problem+json");
});
