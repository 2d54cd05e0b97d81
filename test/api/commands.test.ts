import { generateKeyPairSync, randomUUID } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import { toActWorkflowId } from "../../src/domain/act/workflow-id.js";
import { hashBlake3Hex } from "../../src/domain/bytes/hash.js";
import { parseSigningKey } from "../../src/domain/bytes/signature.js";
import { hashEnvelope } from "../../src/domain/permit/envelope.js";
import { toClaimKey, toStagingKey } from "../../src/domain/storage-key.js";
import { appendEvents } from "../../src/lab256/ledger/append.js";
import { withRootStore } from "../../src/stack/founding/store.js";
import { buildEnvelope, buildInitParams, buildPermitRequest, buildPushParams, PATCH } from "./acts.js";
import { ADMIN, BOB, CI, type RunningApi, startApi, TENANT } from "./running-api.js";

let api: RunningApi;
beforeAll(async () => {
  api = await startApi("api-commands");
});
afterAll(() => api.stop());

const issue = (body: unknown, as = ADMIN) => api.call({ method: "POST", path: "/v1/commands/issue", body, as });
const ask = (body: unknown, as = ADMIN) => api.call({ method: "POST", path: "/v1/policy/permit", body, as });
const findStarted = (jti: string) => api.deps.flows.findStartedAct(TENANT, jti);
const createStrangerKey = () =>
  parseSigningKey(generateKeyPairSync("ed25519").privateKey.export({ type: "pkcs8", format: "pem" }).toString());

test("a permit request returns the hashes for the envelope, and the command starts the act", async () => {
  const { body, status } = await ask(buildPermitRequest());
  expect([status, body]).toEqual([
    200,
    expect.objectContaining({ allowed: true, level: "L1", subject_hash: expect.any(String), policy_hash: expect.any(String) }),
  ]);
  const permit = body["permit"] as { jti: string };
  const command = {
    ...buildEnvelope(api.permitKey),
    jti: permit.jti,
    permit,
    policy_hash: body["policy_hash"],
    params: buildPushParams({ patch: PATCH.toString("base64") }),
  };
  const answer = await issue(command);
  const status_url = `${api.url}/v1/commands/${permit.jti}?tenant_id=${TENANT}`;
  expect([answer.status, answer.body]).toEqual([
    200,
    { ok: true, jobId: command.jobId, workflow_id: toActWorkflowId(TENANT, permit.jti), status_url },
  ]);
  expect(await api.deps.store.blobs.get(toStagingKey(TENANT, hashBlake3Hex(PATCH)))).toEqual(PATCH);
  // No worker runs here: the act has begun and the ledger does not know it yet.
  expect(await api.call({ path: new URL(status_url).pathname + new URL(status_url).search })).toMatchObject({
    status: 200,
    body: { status: "running", jobId: command.jobId },
  });
});

test("a used jti is 409 with the job of the first command, also among parallel requests", async () => {
  const first = buildEnvelope(api.permitKey);
  const answers = await Promise.all(Array.from({ length: 8 }, (_, n) => issue({ ...first, jobId: `job-race-${n}` })));
  const won = answers.filter((answer) => answer.status === 200);
  expect(won).toHaveLength(1);
  for (const lost of answers.filter((answer) => answer.status !== 200))
    expect(lost).toMatchObject({
      status: 409,
      body: { code: "permit_used", jobId: won[0]?.body["jobId"], status_url: won[0]?.body["status_url"] },
    });
});

test("a jobId of another act is 409 and starts no flow", async () => {
  const [earlier, later] = [buildEnvelope(api.permitKey), buildEnvelope(api.permitKey)];
  const payload = {
    ...{ envelope: earlier, envelope_digest: hashEnvelope(earlier), project_id: "P.demo" },
    ...{ actor_id: ADMIN, workflow_id: "w", card_id: null },
  };
  await appendEvents(api.deps.db, TENANT, [{ type: "command.issued", key: `command.issued/${earlier.jti}`, payload }], Date.now());
  expect(await issue({ ...later, jobId: earlier.jobId })).toMatchObject({ status: 409, body: { code: "job_id_taken" } });
  expect(await issue(earlier)).toMatchObject({ status: 409, body: { code: "permit_used", jobId: earlier.jobId } });
  expect(await findStarted(later.jti)).toBeUndefined();
});

test("an expired permit is 403 with status expired", async () => {
  const late = buildEnvelope(api.permitKey, { iat: 1, exp: 2 });
  expect(await issue(late)).toMatchObject({ status: 403, body: { code: "permit_expired", status: "expired" } });
  expect(await findStarted(late.jti)).toBeUndefined();
});

test.each([
  ["permit_key_unknown", () => buildEnvelope(createStrangerKey())],
  [
    "permit_signature_invalid",
    () => ({
      ...buildEnvelope(api.permitKey),
      permit: { ...buildEnvelope(api.permitKey).permit, sig: Buffer.alloc(64).toString("base64") },
    }),
  ],
  ["permit_mismatch", () => ({ ...buildEnvelope(api.permitKey), jti: randomUUID() })],
  ["permit_mismatch", () => ({ ...buildEnvelope(api.permitKey), policy_hash: "b".repeat(64) })],
  ["permit_mismatch", () => ({ ...buildEnvelope(api.permitKey), office_id: "office:security" })],
  ["permit_mismatch", () => ({ ...buildEnvelope(api.permitKey), jobType: "git.registry.init", params: buildInitParams() })],
  ["permit_mismatch", () => buildEnvelope(api.permitKey, { scopes: { tenant_id: "T.OTHER" } })],
  ["wrong_target", () => buildEnvelope(api.permitKey, { aud: "runner:LAB_256" })],
  ["subject_hash_mismatch", () => ({ ...buildEnvelope(api.permitKey), params: buildPushParams({ branch: "feature/other" }) })],
  [
    "subject_hash_mismatch",
    () => ({ ...buildEnvelope(api.permitKey), params: buildPushParams({ patch: Buffer.from("other bytes").toString("base64") }) }),
  ],
])("%s: a command that differs from its permit is 403 and stores nothing", async (code, make) => {
  const command = make();
  expect(await issue(command)).toMatchObject({ status: 403, body: { code } });
  expect(await findStarted(command.jti)).toBeUndefined();
  expect(await api.deps.store.blobs.get(toStagingKey(TENANT, hashBlake3Hex(Buffer.from("other bytes"))))).toBeUndefined();
});

test("an actor cannot issue a command with another's permit, or request a permit in another's name", async () => {
  expect(await issue(buildEnvelope(api.permitKey), BOB)).toMatchObject({ status: 403, body: { code: "forbidden" } });
  expect(await ask(buildPermitRequest(), BOB)).toMatchObject({ status: 403, body: { code: "forbidden" } });
  expect(await ask(buildPermitRequest({ actor_id: BOB, office_id: "office:security" }), BOB)).toMatchObject({
    status: 403,
    body: { code: "forbidden" },
  });
});

test("a policy's denial has its reasons and, from L3 on, its requirements", async () => {
  expect(await ask(buildPermitRequest({ params: buildPushParams({ branch: "main" }) }))).toMatchObject({
    status: 403,
    body: { code: "policy_denied", allowed: false, reasons: [{ rule: expect.any(String), text: expect.any(String) }], requires: [] },
  });
  expect(await ask(buildPermitRequest({ jobType: "git.registry.init", params: buildInitParams() }))).toMatchObject({
    status: 403,
    body: {
      code: "approval_required",
      allowed: false,
      level: "L3",
      requires: expect.arrayContaining([expect.objectContaining({ kind: "approvals" })]),
    },
  });
  expect(await ask(buildPermitRequest({ approval_ref: "k-none" }))).toMatchObject({
    status: 403,
    body: { code: "approval_required", allowed: false },
  });
});

test("an actor with a single office can omit it", async () => {
  const { office_id: _, ...request } = buildPermitRequest({ actor_id: CI });
  expect(await ask(request, CI)).toMatchObject({ status: 200, body: { permit: { scopes: { office_id: "office::default" } } } });
});

test("a revoked permit cannot be used, and a used permit cannot be revoked", async () => {
  const { body } = await ask(buildPermitRequest());
  const permit = body["permit"] as { jti: string };
  const revoke = (jti: string, as: string) =>
    api.call({ method: "POST", path: `/v1/permits/${jti}/revoke`, body: { tenant_id: TENANT, reason: "Not wanted." }, as });
  expect((await revoke(permit.jti, "ubl:sid:agent:builder")).status).toBe(403);
  expect(await revoke(permit.jti, BOB)).toMatchObject({ status: 200, body: { ended: true } });
  expect(await api.call({ path: `/v1/permits/${permit.jti}?tenant_id=${TENANT}` })).toMatchObject({
    body: { status: "revoked", ended_by: BOB, end_reason: "Not wanted." },
  });
  const command = { ...buildEnvelope(api.permitKey), jti: permit.jti, permit, policy_hash: body["policy_hash"] };
  expect(await issue(command)).toMatchObject({ status: 403, body: { code: "permit_revoked" } });

  const other = (await ask(buildPermitRequest())).body["permit"] as { jti: string };
  const claim = {
    tenant_id: TENANT,
    jti: other.jti,
    envelope_digest: "a".repeat(64),
    workflow_id: "w",
    run_id: "r",
    activity_id: "a",
    attempt: 1,
    nonce: "n",
    claimed_at: 1,
    charter_version: 1,
    statement_digests: [],
    kid: "k",
    sig: "s",
  };
  await withRootStore(api.founded.rootStore, ({ blobs }) =>
    blobs.create(toClaimKey(TENANT, other.jti), Buffer.from(JSON.stringify(claim))),
  );
  expect(await revoke(other.jti, ADMIN)).toMatchObject({ status: 409, body: { code: "permit_used" } });
});

test("a permit, command or receipt that was never issued is 404", async () => {
  const jti = randomUUID();
  for (const path of [`/v1/commands/${jti}`, `/v1/receipts/${jti}`, `/v1/permits/${jti}`])
    expect((await api.call({ path: `${path}?tenant_id=${TENANT}` })).status).toBe(404);
});
