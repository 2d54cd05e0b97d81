import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Charters } from "../../src/decision/charter/charters.js";
import { PolicyCatalog } from "../../src/decision/policy/policy-catalog.js";
import type { JobType } from "../../src/domain/act/job.js";
import { toActWorkflowId, toFinishWorkflowId } from "../../src/domain/act/workflow-id.js";
import { toCanonicalBytes } from "../../src/domain/bytes/canonical.js";
import { type SigningKey, signObject } from "../../src/domain/bytes/signature.js";
import { denyWith, grantValue } from "../../src/domain/denial.js";
import { hashEnvelope } from "../../src/domain/permit/envelope.js";
import { type Receipt, type Refusal, receiptSchema, refusalSchema } from "../../src/domain/permit/receipt.js";
import { toClaimKey, toProjectKey, toReceiptKey } from "../../src/domain/storage-key.js";
import { noInfra } from "../../src/infra/source/open.js";
import { listAbandonedCommands, readAbandonedCommand } from "../../src/lab256/acts/abandoned-commands.js";
import { acceptAnswer } from "../../src/lab256/acts/answers.js";
import { recordCharters } from "../../src/lab256/acts/charters.js";
import type { Lab256Dependencies } from "../../src/lab256/acts/dependencies.js";
import { sweepPermits } from "../../src/lab256/acts/housekeeping.js";
import { addRunnerKey } from "../../src/lab256/identity/runner-keys.js";
import { findPermitByJti } from "../../src/lab256/ledger/queries/permits.js";
import { findReceiptByJti } from "../../src/lab256/ledger/queries/receipts.js";
import { verifyProjections } from "../../src/lab256/ledger/verify-projections.js";
import { ensureSpaces, openStore } from "../../src/storage/open.js";
import type { ObjectStore } from "../../src/storage/ports.js";
import { UNUSED_OPERATOR } from "../domain/samples.js";
import { throwFault } from "../harness/throw-fault.js";
import { buildUblTenant } from "../lab256/identity/people.js";
import { seedTenant } from "../lab256/identity/seed-tenant.js";
import * as event from "../lab256/ledger/events.js";
import { useLedgerDatabase } from "../lab256/ledger/ledger-database.js";
import { createWorldKey, toJwks } from "../lab512/runner/world.js";

const TENANT = event.TENANT;
const DIGEST = "e".repeat(64);
/** Past every permit's `exp` and run time. */
const LATE_MS = 3_600_000;
const RUNNER = createWorldKey();

const ledger = useLedgerDatabase("unrecorded_acts");
let folder: string;
let store: ObjectStore;
let deps: Lab256Dependencies;
const openFlows = new Set<string>();

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "ogr-unrecorded-"));
  const config = { kind: "directory", path: folder } as const;
  await ensureSpaces(config);
  store = await openStore(config);
  const policies = new PolicyCatalog(new Charters(store, UNUSED_OPERATOR), () => LATE_MS);
  deps = {
    db: ledger.db,
    store,
    policies,
    infra: noInfra,
    permitKey: createWorldKey(),
    receiptKeys: toJwks(RUNNER),
    statementKeys: { keys: [] },
    reportFault: throwFault,
    isFlowOpen: async (workflowId) => openFlows.has(workflowId),
    now: () => LATE_MS,
  };
  await ledger.db.transaction().execute((trx) => seedTenant(trx, buildUblTenant(), 1_000));
});
afterAll(async () => {
  await store?.close();
  await rm(folder, { recursive: true, force: true });
});

function buildReceipt(act: number, members: Partial<Receipt> = {}, key: SigningKey = RUNNER): Receipt {
  const unsigned = {
    ...{ tenant_id: TENANT, jobId: `job-${act}`, jti: event.toJti(act), jobType: "git.registry.push", project_id: "P.demo" },
    ...{ finished_at: 2_000, logs_hash: DIGEST, logs_key: "log", artifacts: [], error: "", envelope_digest: DIGEST, policy_hash: DIGEST },
    ...{ usage: { wall_ms: 1, staged_bytes: 0, stored_bytes: 0 }, status: "success" as const },
    refs: [{ name: "refs/heads/feature/x", old: event.toObjectId(0), new: event.toObjectId(act) }],
    ...{ actor_id: event.ADMIN, person_id: null, charter_version: 1, previous_act: null },
    ...members,
  };
  return receiptSchema.parse(signObject("receipt", unsigned, key));
}

/** Stores a permit whose act was claimed without a flow. */
async function storeClaim(act: number, permit: { jobType?: JobType } = {}): Promise<void> {
  const issued = event.buildPermit(act);
  const scopes = { ...issued.scopes, ...permit };
  const payload = { permit: { ...issued, scopes }, card_id: null, actor_id: event.ADMIN, intent: "x" };
  await ledger.appendOrThrow([{ type: "permit.issued", key: `permit.issued/${issued.jti}`, payload }]);
  await claimPermit(act);
}

async function claimPermit(act: number, claimed_at = 1_500): Promise<void> {
  const jti = event.toJti(act);
  const held = {
    workflow_id: "mallory",
    run_id: "r",
    activity_id: "1",
    attempt: 1,
    nonce: "n",
    claimed_at,
    charter_version: 1,
    statement_digests: [],
  };
  const claim = signObject("claim", { tenant_id: TENANT, jti, envelope_digest: DIGEST, ...held }, createWorldKey());
  await store.blobs.create(toClaimKey(TENANT, jti), toCanonicalBytes(claim));
}

async function storeReceipt(receipt: Receipt, jti = receipt.jti): Promise<void> {
  await store.blobs.create(toReceiptKey(TENANT, jti), toCanonicalBytes(receipt));
}

const sweep = () => sweepPermits(deps);
const readStatus = async (act: number) => (await findPermitByJti(ledger.db, { tenant_id: TENANT, jti: event.toJti(act) }))?.status;

test("an act that no flow recorded is recorded by the sweep, even behind more open claims than one sweep handles", async () => {
  for (let act = 1; act <= 60; act += 1) await storeClaim(act);
  await storeReceipt(buildReceipt(1, {}, createWorldKey()));
  await storeReceipt(buildReceipt(2, { envelope_digest: "f".repeat(64) }));
  await storeReceipt(buildReceipt(4), event.toJti(3));
  await store.blobs.create(toReceiptKey(TENANT, event.toJti(5)), Buffer.from("{"));
  await storeClaim(61);
  await storeReceipt(buildReceipt(61));
  await storeClaim(62, { jobType: "git.registry.init" });
  await storeReceipt(buildReceipt(62, { jobType: "git.registry.init", refs: [] }));
  const project = { jti: event.toJti(62), name: "Demo", owners: ["office::default"], visibility: "internal" };
  await store.blobs.create(toProjectKey(TENANT, "P.demo"), toCanonicalBytes(project));

  expect(await sweep()).toBe(2);
  expect(await Promise.all([1, 2, 3, 5, 60, 61, 62].map(readStatus))).toEqual([...Array(5).fill("issued"), "used", "used"]);
  const refs = await ledger.db.selectFrom("registry_refs").select(["name", "object_id"]).where("balance", ">", 0).execute();
  expect(refs).toEqual([{ name: "refs/heads/feature/x", object_id: event.toObjectId(61) }]);
  const activities = await ledger.db.selectFrom("registry_activity").select(["action", "actor", "commit"]).execute();
  expect(activities).toEqual([{ action: "push", actor: event.ADMIN, commit: event.toObjectId(61) }]);
  expect(await ledger.db.selectFrom("registry_projects").select("name").execute()).toEqual([{ name: "Demo" }]);
  expect(await sweep()).toBe(0);
  expect(await verifyProjections(ledger.db, TENANT)).toMatchObject({ ok: true });
});

test("a merge that no flow recorded becomes an activity of its target, which says that it was an emergency", async () => {
  await storeClaim(65, { jobType: "git.registry.merge_protected" });
  const refs = [{ name: "refs/heads/main", old: event.toObjectId(64), new: event.toObjectId(65) }];
  const break_glass = { reason: "Payments are down." };
  await storeReceipt(buildReceipt(65, { jobType: "git.registry.merge_protected", refs, break_glass }));
  expect(await sweep()).toBe(1);
  const activities = await ledger.db
    .selectFrom("registry_activity")
    .select(["action", "ref", "commit", "break_glass"])
    .where("action", "=", "merge")
    .execute();
  expect(activities).toEqual([{ action: "merge", ref: "refs/heads/main", commit: event.toObjectId(65), break_glass }]);
  expect(await verifyProjections(ledger.db, TENANT)).toMatchObject({ ok: true });
});

/** Issues a command and submits the Runner's refusal. Returns the verdict. */
async function storeRefusal(act: number, members: Partial<Refusal>) {
  const issued = event.buildCommandIssued(act);
  if (issued.type !== "command.issued") throw new Error("the event is another one");
  await ledger.appendOrThrow([issued]);
  const { envelope } = issued.payload;
  const { tenant_id, jti, jobId, jobType, policy_hash } = envelope;
  const { project_id } = envelope.params;
  const unsigned = {
    ...{ tenant_id, jobId, jti, jobType, project_id, policy_hash, envelope_digest: hashEnvelope(envelope), error: "It was used." },
    ...{ finished_at: 2_000, logs_hash: DIGEST, logs_key: "log", artifacts: [], usage: { wall_ms: 1, staged_bytes: 0, stored_bytes: 0 } },
    ...{ status: "denied" as const, code: "permit_used" as const, ...members },
  };
  const refusal = refusalSchema.parse(signObject("refusal", unsigned, RUNNER));
  return acceptAnswer(deps, { envelope, actor_id: event.ADMIN, workflow_id: "w", answer: { kind: "refusal", refusal } });
}

test("an act by the permit of a refused command is recorded once its receipt exists", async () => {
  await storeClaim(66);
  const end = await storeRefusal(66, { status: "expired", code: "permit_expired" });
  expect(end).toMatchObject({ ok: true, value: { status: "denied", denial: { code: "permit_used" } } });
  expect(await sweep()).toBe(0);
  await storeReceipt(buildReceipt(66, { jobId: "job-of-mallory" }));
  expect(await sweep()).toBe(1);
  expect(await findReceiptByJti(ledger.db, { tenant_id: TENANT, jti: event.toJti(66) })).toMatchObject({ jobId: "job-of-mallory" });
  expect(await readStatus(66)).toBe("used");
  expect(await sweep()).toBe(0);
  expect(await verifyProjections(ledger.db, TENANT)).toMatchObject({ ok: true });
});

test("a refusal that claims an unused permit was used is invalid and ends the permit as refused", async () => {
  await ledger.appendOrThrow([event.buildPermitIssued(67)]);
  expect(await storeRefusal(67, {})).toMatchObject({ ok: true, value: { status: "denied", denial: { code: "answer_invalid" } } });
  expect(await readStatus(67)).toBe("refused");
});

test("the flow accepts a receipt only by a key that is registered for the tenant's Runner", async () => {
  const key = createWorldKey();
  const issued = event.buildCommandIssued(70);
  if (issued.type !== "command.issued") throw new Error("the event is another one");
  await ledger.appendOrThrow([event.buildPermitIssued(70), issued]);
  const { envelope } = issued.payload;
  const receipt = buildReceipt(70, { jobId: envelope.jobId, jti: envelope.jti, envelope_digest: hashEnvelope(envelope) }, key);
  const accept = () => acceptAnswer(deps, { envelope, actor_id: event.ADMIN, workflow_id: "w", answer: { kind: "receipt", receipt } });
  expect(await accept()).toMatchObject({ ok: false, denial: { code: "answer_invalid" } });
  await addRunnerKey(ledger.db, TENANT, envelope.target, key.jwk);
  expect(await accept()).toMatchObject({ ok: true, value: { status: "success" } });
});

/** Past the time at which a claim of 1,500 is abandoned, and short of the next: work and derivation 600 s each, a minute, and the tolerance. */
const ABANDONED_MS = 1_500 + 600_000 + 600_000 + 60_000 + 30_000;

/** Issues a command. Returns its workflow's id. */
async function issueCommand(act: number): Promise<string> {
  await ledger.appendOrThrow([event.buildPermitIssued(act), event.buildCommandIssued(act)]);
  return toActWorkflowId(TENANT, event.toJti(act));
}

const toRef = (act: number) => ({ tenant_id: TENANT, jti: event.toJti(act) });

test("only commands that have no end, long after their claim or their permit, and no open flow are abandoned", async () => {
  for (let act = 80; act <= 85; act += 1) await issueCommand(act);
  for (const act of [80, 81, 83, 84]) await claimPermit(act);
  await claimPermit(82, 1_501);
  openFlows.add(toActWorkflowId(TENANT, event.toJti(81)));
  await ledger.appendOrThrow([event.buildReceiptRecorded(83, [])]);
  openFlows.add(toFinishWorkflowId(TENANT, event.toJti(84)));

  const at = (nowMs: number) => ({ ...deps, now: () => nowMs });
  expect(await listAbandonedCommands(at(ABANDONED_MS - 1))).toEqual([]);
  expect(await listAbandonedCommands(at(ABANDONED_MS))).toEqual([toRef(80)]);
  expect(await listAbandonedCommands(deps)).toEqual([80, 82, 85].map(toRef));

  const issued = event.buildCommandIssued(80);
  if (issued.type !== "command.issued") throw new Error("the event is another one");
  const { envelope, actor_id, workflow_id } = issued.payload;
  const command = { envelope, actor_id, workflow_id, transport: "temporal", authority: null, card: null };
  expect(await readAbandonedCommand(deps, toRef(80))).toEqual(command);
  expect(await readAbandonedCommand(at(ABANDONED_MS - 1), toRef(80))).toBeNull();
  for (const act of [81, 83, 99]) expect(await readAbandonedCommand(deps, toRef(act))).toBeNull();
});

test("a damaged claim is reported, and keeps no other permit from being settled and no other command from being listed", async () => {
  await ledger.appendOrThrow([event.buildPermitIssued(90)]);
  await issueCommand(91);
  for (const act of [90, 91]) await store.blobs.create(toClaimKey(TENANT, event.toJti(act)), Buffer.from("{"));
  await storeClaim(92);
  await storeReceipt(buildReceipt(92));
  await issueCommand(93);
  const faults: string[] = [];
  const reporting = { ...deps, reportFault: (_: unknown, what: string) => void faults.push(what) };
  expect(await sweepPermits(reporting)).toBe(1);
  expect(await Promise.all([90, 92].map(readStatus))).toEqual(["issued", "used"]);
  expect(await listAbandonedCommands(reporting)).toContainEqual(toRef(93));
  expect(faults).toEqual([
    `cannot settle the permit ${event.toJti(90)} of ${TENANT}`,
    `cannot tell whether the command ${event.toJti(91)} of ${TENANT} is abandoned`,
  ]);
});

test("a charter that cannot be recorded is reported, and the charters of the other tenants are recorded", async () => {
  await ledger.db.transaction().execute(async (trx) => {
    for (const tenant_id of ["T.DAMAGED", "T.DENIED"]) await seedTenant(trx, { tenant_id }, 1_000);
  });
  const recorded: string[] = [];
  const charterRecorder = {
    record: async (tenantId: string) => {
      if (tenantId === "T.DAMAGED") throw new Error("another version");
      if (tenantId === "T.DENIED") return denyWith("charter_invalid", "not signed");
      recorded.push(tenantId);
      return grantValue(1);
    },
  };
  const faults: string[] = [];
  const reportFault = (error: unknown, what: string) => void faults.push(`${what}: ${String(error)}`);
  await recordCharters({ db: ledger.db, charterRecorder, reportFault });
  expect(recorded).toEqual([TENANT]);
  expect(faults).toEqual([
    "cannot record the charter of T.DAMAGED: Error: another version",
    "cannot record the charter of T.DENIED: not signed",
  ]);
});
