import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { requireValue } from "../../src/client/http/problem.js";
import { waitForCardToLeave, waitForCommandEnd } from "../../src/client/waiting.js";
import { hashSubject } from "../../src/domain/act/job.js";
import { signObject } from "../../src/domain/bytes/signature.js";
import type { ActAuthority } from "../../src/domain/card/authority.js";
import type { SignedStatement } from "../../src/domain/card/statement.js";
import type { CommandEnvelope } from "../../src/domain/permit/envelope.js";
import type { RunnerAnswer } from "../../src/domain/permit/receipt.js";
import { toReleaseManifestKey } from "../../src/domain/storage-key.js";
import { readAuthority } from "../../src/lab256/acts/recorded-approval.js";
import { openDatabase } from "../../src/lab256/database/database.js";
import { attestStatement } from "../../src/lab256/identity/passkeys/statements.js";
import { findCard } from "../../src/lab256/ledger/queries/cards.js";
import type { FlowState } from "../../src/workflows/messages.js";
import {
  actByCard,
  actByPermit,
  buildPushJob,
  buildRegistrationJob,
  buildReleaseJob,
  openCard,
  PATIENCE_MS,
  prepareCommand,
  stateDecision,
} from "../harness/acting.js";
import { registerCountedPasskey } from "../harness/passkeys.js";
import { type ServedRegistry, startRegistryInProcess } from "../harness/registry.js";
import { openTemporalClient, type TemporalTestClient } from "../harness/temporal-client.js";
import { createWorldKey } from "../lab512/runner/world.js";
import { Clone } from "../repository/real-git.js";
import { ATTACKER_QUEUE, serveWhile } from "./attacker-worker.js";
import { expectSoundLedger, listEventTypesAbout, readCatalogRefs, readTraces, TENANT } from "./evidence.js";

// Mallory can reach Temporal. She starts flows for commands without a permit or with another actor's permit, and schedules the Runner's
// activity directly.

const ADMIN = "ubl:sid:person:admin";
const PROJECT = "P.demo";

let registry: ServedRegistry;
let temporal: TemporalTestClient;
let clone: Clone;
let base: string;

beforeAll(async () => {
  registry = await startRegistryInProcess({ name: "forged-commands" });
  temporal = await openTemporalClient(registry.temporal);
  clone = new Clone();
  base = clone.commit("base.txt", "base");
  await actByCard(registry, buildRegistrationJob(PROJECT));
  await actByPermit(registry.as("admin"), buildPushJob(clone, PROJECT, "feature/base"));
});

afterAll(async () => {
  await temporal?.close();
  await registry?.stop();
});

/** Prepares admin's command, and the same command with staged bytes as in Temporal. */
async function prepareGenuineCommand(branch: string): Promise<{ sent: CommandEnvelope; inside: CommandEnvelope }> {
  const sent = await prepareCommand(registry.as("admin"), buildPushJob(clone, PROJECT, branch));
  const { patch: _, ...params } = sent.params as { patch?: string };
  return { sent, inside: { ...sent, params } as CommandEnvelope };
}

async function startFlow(envelope: CommandEnvelope, workflowId: string) {
  const args = [{ kind: "command", envelope, actor_id: ADMIN }];
  return temporal.client.workflow.start("officialAct", { args, taskQueue: "LAB_256", workflowId });
}

async function waitForFlowEnd(envelope: CommandEnvelope, workflowId: string): Promise<{ status: string; code: string | undefined }> {
  const { status, denial }: FlowState = await (await startFlow(envelope, workflowId)).result();
  return { status, code: denial?.code };
}

/** Signs a permit for a changed envelope by Mallory's key under the registry's key id. */
function signPermitAnew(envelope: CommandEnvelope, changes: Partial<CommandEnvelope>): CommandEnvelope {
  const forged = { ...envelope, ...changes } as CommandEnvelope;
  const { kid, sig: _, ...permit } = envelope.permit;
  const subject_hash = hashSubject(forged.params);
  const scopes = { ...permit.scopes, subject_hash };
  return { ...forged, subject_hash, permit: signObject("permit", { ...permit, jti: forged.jti, scopes }, { ...createWorldKey(), kid }) };
}

describe("a command's flow that was started directly in Temporal", () => {
  it("with a forged permit is denied and stores nothing", async () => {
    const { inside } = await prepareGenuineCommand("feature/forged");
    const jti = randomUUID();
    const forged = signPermitAnew(inside, { jti, jobId: `job-${jti}` });
    expect(await waitForFlowEnd(forged, `act/${TENANT}/${jti}`)).toEqual({ status: "denied", code: "permit_signature_invalid" });
    expect(await readTraces(registry, jti)).toEqual({ claim: false, receipt: false });
    expect(await listEventTypesAbout(registry, jti)).toEqual([]);
    expect(await readCatalogRefs(registry, PROJECT)).not.toHaveProperty("refs/heads/feature/forged");
  });

  it("with a pending act's permit and other params is denied, and the real act gets its receipt", async () => {
    const { sent, inside } = await prepareGenuineCommand("feature/pending");
    const params = { ...inside.params, branch: "feature/stolen" } as CommandEnvelope["params"];
    const attempts: [CommandEnvelope, string][] = [
      [{ ...inside, params } as CommandEnvelope, "subject_hash_mismatch"],
      [{ ...inside, params, subject_hash: hashSubject(params) } as CommandEnvelope, "permit_mismatch"],
      [signPermitAnew(inside, { params } as Partial<CommandEnvelope>), "permit_signature_invalid"],
    ];
    for (const [n, [envelope, code]] of attempts.entries())
      expect(await waitForFlowEnd(envelope, `mallory/${inside.jti}/${n}`)).toEqual({ status: "denied", code });
    expect(await readTraces(registry, inside.jti)).toEqual({ claim: false, receipt: false });

    requireValue(await registry.as("admin").issueCommand(sent));
    const command = await waitForCommandEnd(registry.as("admin"), inside.jti, PATIENCE_MS);
    expect(command.receipt).toMatchObject({ status: "success", jobId: sent.jobId });
    expect(await readCatalogRefs(registry, PROJECT)).not.toHaveProperty("refs/heads/feature/stolen");
  });

  it("with a pending act's permit and another jobId is denied, and the real act gets its receipt", async () => {
    const { sent, inside } = await prepareGenuineCommand("feature/renamed");
    await registry.lab512.stop();
    requireValue(await registry.as("admin").issueCommand(sent));
    await expect.poll(() => listEventTypesAbout(registry, inside.jti), { timeout: PATIENCE_MS }).toContain("command.issued");
    const renamed = { ...inside, jobId: "job-of-mallory" } as CommandEnvelope;
    expect(await waitForFlowEnd(renamed, `mallory/${inside.jti}/renamed`)).toEqual({ status: "denied", code: "permit_used" });
    await registry.lab512.start();
    const command = await waitForCommandEnd(registry.as("admin"), inside.jti, PATIENCE_MS);
    expect(command.receipt).toMatchObject({ status: "success", jobId: sent.jobId });
  });

  it("with the real act's envelope causes no second act, and both flows end with its receipt", async () => {
    const { sent, inside } = await prepareGenuineCommand("feature/replayed");
    await registry.lab512.stop();
    const { workflow_id } = requireValue(await registry.as("admin").issueCommand(sent));
    await expect.poll(() => listEventTypesAbout(registry, inside.jti), { timeout: PATIENCE_MS }).toContain("command.issued");
    const replay = await startFlow(inside, `mallory/${inside.jti}/replay`);
    await registry.lab512.start();
    const ends = await Promise.all([temporal.client.workflow.getHandle(workflow_id).result(), replay.result()]);
    expect(ends.map((end: FlowState) => end.status)).toEqual(["success", "success"]);
    expect(await waitForFlowEnd(inside, `mallory/${inside.jti}/late`)).toEqual({ status: "success", code: undefined });
    expect((await listEventTypesAbout(registry, inside.jti)).sort()).toEqual([
      "command.issued",
      "permit.issued",
      "project.activity",
      "receipt.recorded",
    ]);
    const command = await waitForCommandEnd(registry.as("admin"), inside.jti, PATIENCE_MS);
    expect(command).toMatchObject({ workflow_id, receipt: { jobId: sent.jobId } });
    await expectSoundLedger(registry);
  });
});

/** Forges carol's approval out of bob's. */
function forgeStatement({ statements: [genuine] }: ActAuthority): SignedStatement {
  if (genuine === undefined) throw new Error("the card has no approval");
  return attestStatement({ ...genuine.statement, approver: "ubl:sid:person:carol", nonce: "n".repeat(22) }, createWorldKey());
}

async function readCardAuthority(cardId: string): Promise<ActAuthority> {
  const db = openDatabase(registry.databaseUrl, { maxConnections: 1 });
  try {
    const card = await findCard(db, { tenant_id: TENANT, card_id: cardId });
    if (card === undefined) throw new Error(`${cardId} is not in the ledger`);
    return readAuthority(card);
  } finally {
    await db.destroy();
  }
}

function runDirectly(envelope: CommandEnvelope, authority: ActAuthority | null): Promise<RunnerAnswer> {
  const options = { taskQueue: ATTACKER_QUEUE, workflowId: `mallory/${randomUUID()}`, args: [{ envelope, authority, round: 1 }] };
  return serveWhile(registry.temporal, { taskQueue: ATTACKER_QUEUE }, () => temporal.client.workflow.execute("runDirectly", options));
}

describe("the Runner's activity, scheduled without the registry", () => {
  it("refuses an act with a forged permit", async () => {
    const { inside } = await prepareGenuineCommand("feature/high");
    const card_id = "k-01890a5d-ac96-7ab2-80e2-4536629c90de";
    const { kid: _kid, sig: _sig, ...permit } = inside.permit;
    const scopes = { ...permit.scopes, level: "L4", approval_ref: card_id, plan_digest: "b".repeat(64) } as const;
    const forged = { ...inside, permit: signObject("permit", { ...permit, scopes }, createWorldKey()) } as CommandEnvelope;
    const answer = await runDirectly(forged, null);
    expect(answer).toMatchObject({ kind: "refusal", refusal: { code: "permit_key_unknown" } });
    expect(await readTraces(registry, inside.jti)).toEqual({ claim: false, receipt: false });
  });

  it("refuses an approved release without its approvals, and writes no forged one into its manifest", async () => {
    await registerCountedPasskey(registry, "bob");
    const [author, job] = [registry.as("admin"), buildReleaseJob(PROJECT, "v1.0.0", base)];
    const card = await openCard(author, job, { run: "on_command" });
    await stateDecision(registry, "bob", "approve", card);
    await waitForCardToLeave(author, card.card_id, ["awaiting_approval"], PATIENCE_MS);
    const envelope = await prepareCommand(author, job, { approval_ref: card.card_id, jobId: card["jobId"] as string });
    const authority = await readCardAuthority(card.card_id);
    const forged = forgeStatement(authority);
    expect(await runDirectly(envelope, { ...authority, statements: [forged] })).toMatchObject({ kind: "refusal" });
    const answer = await runDirectly(envelope, { ...authority, statements: [...authority.statements, forged] });
    expect(answer).toMatchObject({ kind: "receipt", receipt: { status: "success" } });
    const manifest = await registry.store.blobs.get(toReleaseManifestKey(TENANT, PROJECT, "v1.0.0"));
    expect(Buffer.from(manifest ?? "").toString("utf8")).not.toContain("carol");
  });
});
