import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Charters } from "../../../src/decision/charter/charters.js";
import { PolicyCatalog } from "../../../src/decision/policy/policy-catalog.js";
import { toCanonicalBytes } from "../../../src/domain/bytes/canonical.js";
import { type SigningKey, signObject } from "../../../src/domain/bytes/signature.js";
import { type CommandEnvelope, hashEnvelope } from "../../../src/domain/permit/envelope.js";
import type { Receipt, Refusal, RunnerAnswer } from "../../../src/domain/permit/receipt.js";
import { toClaimKey, toReceiptKey } from "../../../src/domain/storage-key.js";
import { noInfra } from "../../../src/infra/source/open.js";
import { acceptAnswer, recordAnswer } from "../../../src/lab256/acts/answers.js";
import type { Lab256Dependencies } from "../../../src/lab256/acts/dependencies.js";
import { addRunnerKey } from "../../../src/lab256/identity/runner-keys.js";
import { findCommandByJti } from "../../../src/lab256/ledger/queries/commands.js";
import { ensureSpaces, openStore } from "../../../src/storage/open.js";
import type { ObjectStore } from "../../../src/storage/ports.js";
import { createTestKey, UNUSED_OPERATOR } from "../../domain/samples.js";
import { revokeRunnerKey } from "../../harness/identity.js";
import { throwFault } from "../../harness/throw-fault.js";
import { buildUblTenant } from "../identity/people.js";
import { seedTenant } from "../identity/seed-tenant.js";
import * as event from "../ledger/events.js";
import { useLedgerDatabase } from "../ledger/ledger-database.js";

const DIGEST = "e".repeat(64);
const { TENANT } = event;
/** Keys of the registry's own Runners. The second is revoked for this tenant and target. */
const [OWN, REVOKED_OWN] = [createTestKey(), createTestKey()];
const [REGISTERED, REVOKED, OF_OTHER_TARGET, OF_OTHER_TENANT, UNKNOWN] = [
  createTestKey(),
  createTestKey(),
  createTestKey(),
  createTestKey(),
  createTestKey(),
];

const ledger = useLedgerDatabase("runner_keys_on_both_transports");
let folder: string;
let store: ObjectStore;
let deps: Lab256Dependencies;
let acts = 0;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "ogr-runner-keys-"));
  const config = { kind: "directory", path: folder } as const;
  await ensureSpaces(config);
  store = await openStore(config);
  deps = {
    ...{ db: ledger.db, store, permitKey: createTestKey(), now: Date.now },
    infra: noInfra,
    policies: new PolicyCatalog(new Charters(store, UNUSED_OPERATOR), Date.now),
    receiptKeys: { keys: [OWN.jwk, REVOKED_OWN.jwk] },
    statementKeys: { keys: [] },
    reportFault: throwFault,
    isFlowOpen: async () => true,
  };
  await ledger.db.transaction().execute((trx) => seedTenant(trx, buildUblTenant(), 1_000));
  await ledger.db.transaction().execute((trx) => seedTenant(trx, { tenant_id: "T.ELSEWHERE" }, 1_000));
  for (const { jwk } of [REGISTERED, REVOKED, REVOKED_OWN]) await addRunnerKey(ledger.db, TENANT, "LAB_512", jwk);
  for (const { kid } of [REVOKED, REVOKED_OWN]) await revokeRunnerKey(ledger.db, TENANT, "LAB_512", kid, 2_000);
  await addRunnerKey(ledger.db, TENANT, "LAB_256", OF_OTHER_TARGET.jwk);
  await addRunnerKey(ledger.db, "T.ELSEWHERE", "LAB_512", OF_OTHER_TENANT.jwk);
});
afterAll(async () => {
  await store?.close();
  await rm(folder, { recursive: true, force: true });
});

/** Issues a new command, which awaits its answer. */
async function issuePendingCommand(): Promise<CommandEnvelope> {
  acts += 1;
  const issued = event.buildCommandIssued(acts);
  if (issued.type !== "command.issued") throw new Error("buildCommandIssued built an event of another type");
  await ledger.appendOrThrow([event.buildPermitIssued(acts), issued]);
  return issued.payload.envelope;
}

function buildCommonMembers(envelope: CommandEnvelope) {
  const { tenant_id, jobId, jti, jobType, params } = envelope;
  return {
    ...{ tenant_id, jobId, jti, jobType, project_id: params.project_id, finished_at: 2_000, error: "No.", artifacts: [] },
    ...{ logs_hash: DIGEST, logs_key: "log", policy_hash: DIGEST, envelope_digest: hashEnvelope(envelope) },
    usage: { wall_ms: 1, staged_bytes: 0, stored_bytes: 0 },
  };
}
const signReceipt = (key: SigningKey, envelope: CommandEnvelope): Receipt =>
  signObject(
    "receipt",
    {
      ...{ ...buildCommonMembers(envelope), status: "error" as const, code: "ref_moved" as const, refs: [] },
      ...{ actor_id: envelope.permit.scopes.actor_id, person_id: null, charter_version: 1, previous_act: null },
    },
    key,
  );
const signRefusal = (key: SigningKey, envelope: CommandEnvelope): Refusal =>
  signObject("refusal", { ...buildCommonMembers(envelope), status: "denied" as const, code: "plan_changed" as const }, key);
const answerWithReceipt = (key: SigningKey, envelope: CommandEnvelope): RunnerAnswer => ({
  kind: "receipt",
  receipt: signReceipt(key, envelope),
});
const answerWithRefusal = (key: SigningKey, envelope: CommandEnvelope): RunnerAnswer => ({
  kind: "refusal",
  refusal: signRefusal(key, envelope),
});

const buildQuestion = (envelope: CommandEnvelope) => ({ envelope, actor_id: event.ADMIN, workflow_id: "w" });

/** Submits an answer through each transport. Returns the code with which the command ended, or `answer_invalid`. */
const transports = {
  temporal: async (envelope: CommandEnvelope, answer: RunnerAnswer) =>
    (await recordAnswer(deps, { ...buildQuestion(envelope), answer })).denial?.code,
  async pull(envelope: CommandEnvelope, answer: RunnerAnswer) {
    const accepted = await acceptAnswer(deps, { ...buildQuestion(envelope), answer });
    return accepted.ok ? accepted.value?.denial?.code : accepted.denial.code;
  },
};

describe.each(Object.entries(transports))("a Runner's answer through the transport %s", (_, submitAnswer) => {
  it.each([
    ["that of one of the registry's own Runners", OWN],
    ["registered for the target", REGISTERED],
  ])("is accepted if its key is %s", async (__, key) => {
    const [ran, refused] = [await issuePendingCommand(), await issuePendingCommand()];
    expect(await submitAnswer(ran, answerWithReceipt(key, ran))).toBe("ref_moved");
    expect(await submitAnswer(refused, answerWithRefusal(key, refused))).toBe("plan_changed");
  });

  it.each([
    ["was revoked", REVOKED],
    ["was revoked, although it belongs to the registry's own Runners", REVOKED_OWN],
    ["is registered for another target", OF_OTHER_TARGET],
    ["is registered for another tenant", OF_OTHER_TENANT],
    ["is unknown", UNKNOWN],
  ])("is rejected if its key %s", async (__, key) => {
    const [ran, refused] = [await issuePendingCommand(), await issuePendingCommand()];
    expect(await submitAnswer(ran, answerWithReceipt(key, ran))).toBe("answer_invalid");
    expect(await submitAnswer(refused, answerWithRefusal(key, refused))).toBe("answer_invalid");
    for (const table of ["receipts", "refusals"] as const) {
      const rows = await ledger.db.selectFrom(table).select("jti").where("jti", "in", [ran.jti, refused.jti]).execute();
      expect(rows).toEqual([]);
    }
  });
});

describe("the stored receipt of a claimed act", () => {
  it("is accepted under the same keys as a submitted receipt", async () => {
    for (const [key, status] of [
      [REVOKED_OWN, "running"],
      [REGISTERED, "error"],
    ] as const) {
      const envelope = await issuePendingCommand();
      const held = {
        workflow_id: "w",
        run_id: "r",
        activity_id: "a",
        attempt: 1,
        nonce: "n",
        claimed_at: 1_500,
        charter_version: 1,
        statement_digests: [],
      };
      const claim = signObject("claim", { tenant_id: TENANT, jti: envelope.jti, envelope_digest: hashEnvelope(envelope), ...held }, key);
      await store.blobs.create(toClaimKey(TENANT, envelope.jti), toCanonicalBytes(claim));
      await store.blobs.create(toReceiptKey(TENANT, envelope.jti), toCanonicalBytes(signReceipt(key, envelope)));
      const recorded = recordAnswer(deps, { ...buildQuestion(envelope), answer: null });
      // A genuine receipt can still follow while the claim is held, so the flow checks again.
      if (status === "running") await expect(recorded).rejects.toMatchObject({ type: "receipt_awaited", nonRetryable: false });
      else expect(await recorded).toMatchObject({ status });
      expect((await findCommandByJti(ledger.db, envelope))?.status).toBe(status);
    }
  });
});
