import { once } from "node:events";
import { request } from "node:http";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createRegistryClient } from "../../src/client/http/registry-client.js";
import { hashBlake3Hex } from "../../src/domain/bytes/hash.js";
import type { Permit } from "../../src/domain/permit/permit.js";
import { buildPermitRequest, buildPushParams, PATCH } from "../api/acts.js";
import { ADMIN, type ApiAnswer, BOB, OLGA, type RunningApi, startApi, TENANT } from "../api/running-api.js";

/** Without workers no act ends, so running acts stay running. */
let api: RunningApi;
beforeAll(async () => {
  api = await startApi("api-overload", { limits: { actsMax: 8, actsRunningMax: 64, waitsMax: 4, uploadsMax: 2 } });
});
afterAll(() => api.stop());

const postPermitRequest = (actor_id = ADMIN, tenant_id = TENANT) =>
  api.call({ method: "POST", path: "/v1/policy/permit", as: actor_id, body: buildPermitRequest({ actor_id, tenant_id }) });
const listStatuses = (answers: readonly ApiAnswer[]) => answers.map(({ status }) => status).sort();
const readJti = ({ body }: ApiAnswer) => (body["permit"] as { jti: string }).jti;

function issue({ body }: ApiAnswer, as: string): Promise<ApiAnswer> {
  const { permit: granted, subject_hash, policy_hash } = body as { permit: Permit; subject_hash: string; policy_hash: string };
  const { tenant_id, jobType, target, office_id } = granted.scopes;
  const { jti } = granted;
  const shared = { jti, tenant_id, jobType, target, office_id, subject_hash, policy_hash, permit: granted };
  return api.call({ method: "POST", path: "/v1/commands/issue", as, body: { ...shared, jobId: `job-${jti}`, params: buildPushParams() } });
}

/** Revokes a permit and waits for the notice, which frees its place. */
async function revoke(answer: ApiAnswer, as: string): Promise<void> {
  const { tenant_id } = (answer.body["permit"] as { scopes: { tenant_id: string } }).scopes;
  const body = { tenant_id, reason: "The test is over." };
  const jti = readJti(answer);
  const heard = api.deps.watch.waitForNotice((notice) => notice.jti === jti && notice.types.includes("permit.revoked"), 30_000);
  expect((await api.call({ method: "POST", path: `/v1/permits/${jti}/revoke`, as, body })).status).toBe(200);
  expect(await heard).toMatchObject({ kind: "notice" });
}

function expectRefused(answer: ApiAnswer, status: number, code: string): void {
  expect(answer).toMatchObject({ status, body: { status, code, type: `urn:ubl:problem:${code}` } });
  expect(answer.type).toContain("application/problem+json");
  expect(Number(answer.headers.get("retry-after"))).toBeGreaterThan(0);
}

async function expectPublicRoutesServe(): Promise<void> {
  for (const path of ["/health", "/ready", "/v1/jwks.json"])
    expect([path, (await api.call({ path, as: null })).status]).toEqual([path, 200]);
}

test("an actor beyond its share of acts gets 429 while colleagues and other tenants are served", async () => {
  const answers = await Promise.all(Array.from({ length: 12 }, () => postPermitRequest()));
  expect(listStatuses(answers)).toEqual([...Array(6).fill(200), ...Array(6).fill(429)]);
  for (const answer of answers) if (answer.status === 429) expectRefused(answer, 429, "share_exceeded");
  const olga = await postPermitRequest(OLGA, "T.OTHER");
  expect(olga.status).toBe(200);
  expect((await api.call({ path: `/v1/permits/${readJti(olga)}?tenant_id=T.OTHER`, as: OLGA })).status).toBe(200);
  await expectPublicRoutesServe();
  for (const answer of answers) if (answer.status === 200) await revoke(answer, ADMIN);
  await revoke(olga, OLGA);
});

test("the end of an act frees its place at once", async () => {
  // Without a notice a command keeps its place for a minute, so only the notice can free it in time.
  const answers = await Promise.all(Array.from({ length: 6 }, () => postPermitRequest(BOB)));
  for (const answer of answers) expect((await issue(answer, BOB)).status).toBe(200);
  const [first] = answers;
  if (first === undefined) throw new Error("there was no response");
  expect([...listStatuses(answers), (await postPermitRequest(BOB)).status]).toEqual([...Array(6).fill(200), 429]);
  await revoke(first, BOB);
  await expect.poll(async () => (await postPermitRequest(BOB)).status, { interval: 50, timeout: 30_000 }).toBe(200);
  for (const answer of answers.slice(1)) await revoke(answer, BOB);
});

test("a client with patience retries after Retry-After and gets a free place", async () => {
  const answers = await Promise.all(Array.from({ length: 6 }, () => postPermitRequest(BOB)));
  const connection = { server: api.url, token: api.getToken(BOB) };
  const identity = { tenant_id: TENANT, actor_id: BOB };
  const { tenant_id: _tenant, actor_id: _actor, ...wanted } = buildPermitRequest({ actor_id: BOB });
  expect(await createRegistryClient(connection, identity).requestPermit(wanted)).toMatchObject({ ok: false, status: 429 });
  const patient = createRegistryClient({ ...connection, patienceMs: 30_000 }, identity).requestPermit(wanted);
  const first = answers.filter(({ status }) => status === 200);
  expect(first.length).toBeGreaterThan(0);
  for (const answer of first) await revoke(answer, BOB);
  const granted = await patient;
  expect(granted).toMatchObject({ ok: true });
  if (granted.ok) await revoke({ ...(first[0] as ApiAnswer), body: granted.value }, BOB);
});

test("a permit request that the policy denies keeps no place", async () => {
  const body = buildPermitRequest({ params: { ...buildPermitRequest().params, branch: "wip/x" } });
  for (let n = 0; n < 12; n += 1) expect((await api.call({ method: "POST", path: "/v1/policy/permit", body })).status).toBe(403);
});

test("waiting requests have their own limit, and a disconnect frees the place", async () => {
  const permitted = await postPermitRequest(OLGA, "T.OTHER");
  const path = `/v1/commands/${readJti(permitted)}?tenant_id=T.OTHER&wait_ms=30000`;
  const disconnect = new AbortController();
  const headers = { authorization: `Bearer ${api.getToken(OLGA)}` };
  const waiting = Array.from({ length: 3 }, () => fetch(`${api.url}${path}`, { headers, signal: disconnect.signal }));
  const disconnected = Promise.allSettled(waiting);
  await expect.poll(async () => (await api.call({ path: path.replace("30000", "1"), as: OLGA })).status, { interval: 50 }).toBe(429);
  expectRefused(await api.call({ path, as: OLGA }), 429, "share_exceeded");
  expect((await api.call({ path: path.replace("&wait_ms=30000", ""), as: OLGA })).status).not.toBe(429);
  disconnect.abort();
  expect((await disconnected).map((one) => one.status === "rejected" && (one.reason as Error).name)).toEqual([
    "AbortError",
    "AbortError",
    "AbortError",
  ]);
  await expect.poll(async () => (await api.call({ path: path.replace("30000", "1"), as: OLGA })).status, { interval: 50 }).not.toBe(429);
  await revoke(permitted, OLGA);
});

test("the last upload slot is reserved for another tenant, and further uploads are 503 with Retry-After while running ones finish", async () => {
  const uploads: { finish(): Promise<number | undefined> }[] = [];
  const begin = async (tenant_id: string, actor_id: string) => {
    const arrived = once(api.app.server, "request");
    uploads.push(startUpload(Buffer.from(actor_id), tenant_id, actor_id));
    await arrived;
  };
  const put = () =>
    api.call({
      method: "PUT",
      path: `/v1/staging/${hashBlake3Hex(PATCH)}?tenant_id=${TENANT}`,
      raw: { bytes: new Uint8Array(PATCH), type: "application/octet-stream" },
    });
  await begin(TENANT, ADMIN);
  expectRefused(await put(), 429, "share_exceeded");
  await begin("T.OTHER", OLGA);
  expectRefused(await put(), 503, "overloaded");
  await expectPublicRoutesServe();
  expect(await Promise.all(uploads.map((upload) => upload.finish()))).toEqual([201, 201]);
  await expect.poll(async () => (await put()).status, { interval: 50 }).toBe(201);
});

test("a request with too large a URL or headers is 431 and does not affect other requests", async () => {
  const { status, body } = await new Promise<{ status: number | undefined; body: string }>((resolve, reject) => {
    const outgoing = request(`${api.url}/health?x=${"x".repeat(20_000)}`, (answer) => {
      let text = "";
      answer.on("data", (chunk) => {
        text += String(chunk);
      });
      answer.on("end", () => resolve({ status: answer.statusCode, body: text }));
    });
    outgoing.on("error", reject).end();
  });
  expect([status, JSON.parse(body)]).toEqual([431, expect.objectContaining({ code: "invalid_request", status: 431 })]);
  await expectPublicRoutesServe();
});

/** Starts an upload that sends its last byte in `finish`, which returns the status. */
function startUpload(bytes: Buffer, tenantId: string, actorId: string): { finish(): Promise<number | undefined> } {
  const outgoing = request(`${api.url}/v1/staging/${hashBlake3Hex(bytes)}?tenant_id=${tenantId}`, {
    method: "PUT",
    headers: {
      authorization: `Bearer ${api.getToken(actorId)}`,
      "content-type": "application/octet-stream",
      "content-length": bytes.length,
    },
  });
  const status = new Promise<number | undefined>((resolve, reject) => {
    outgoing.on("response", (answer) => {
      answer.resume();
      resolve(answer.statusCode);
    });
    outgoing.on("error", reject);
  });
  outgoing.write(bytes.subarray(0, 1));
  return {
    finish() {
      outgoing.end(bytes.subarray(1));
      return status;
    },
  };
}
