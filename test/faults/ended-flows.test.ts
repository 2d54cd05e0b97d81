import { type Client, WorkflowNotFoundError } from "@temporalio/client";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { requireValue } from "../../src/client/http/problem.js";
import { waitForCardEnd, waitForCardToLeave } from "../../src/client/waiting.js";
import { computeAbandonedAtMs } from "../../src/domain/act/derive-time.js";
import { LAB_256_QUEUE } from "../../src/domain/act/task-queue.js";
import { toActWorkflowId, toFinishWorkflowId } from "../../src/domain/act/workflow-id.js";
import { toRegistryContainer } from "../../src/domain/ledger/event.js";
import { LEVELS } from "../../src/domain/level.js";
import type { CommandEnvelope } from "../../src/domain/permit/envelope.js";
import { toAnchorKey } from "../../src/domain/storage-key.js";
import { openDatabase } from "../../src/lab256/database/database.js";
import { OTHER_TENANT } from "../../src/stack/founding/demo-tenants.js";
import { expectSoundLedger, listEventTypesAbout, readCatalogRefs, TENANT } from "../attacks/evidence.js";
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
import { buildPolicyWith, replaceLevel } from "../harness/policies.js";
import { resolveTestProcess } from "../harness/processes.js";
import { startTestRegistry, type TestRegistry } from "../harness/registry.js";
import { openTemporalClient, type TemporalTestClient } from "../harness/temporal-client.js";
import { Clone } from "../repository/real-git.js";
import { expectOneReceipt, expectRefsAgree, readTenantLedger } from "./agreement.js";
import { startDyingRunner, waitUntilDead } from "./dying.js";
import { buildMergeIntoMain } from "./merges.js";

const { built } = inject("servers");
const MAX_RUN_MS = 60_000;
/** When LAB 256 counts a claim as abandoned, but no more than the quarter of an hour by which S3 lets a clock differ. */
const AHEAD_MS = 14 * 60_000;

const PUSHED = "P.pushed";
const RELEASED = "P.released";
const CUT_OFF = "P.cut-off";

let registry: TestRegistry;
let temporalClient: TemporalTestClient;
let temporal: Client;
let clone: Clone;
let base: string;

beforeAll(async () => {
  expect(AHEAD_MS).toBeGreaterThan(computeAbandonedAtMs(0, MAX_RUN_MS));
  const policy = await buildPolicyWith((data) => LEVELS.reduce((all, level) => replaceLevel(all, level, { max_run_ms: MAX_RUN_MS }), data));
  // The test starts housekeeping itself.
  registry = await startTestRegistry({ name: "ended-flows", policy, variables: { lab256: { OGR_HOUSEKEEPING_EVERY_S: "86400" } } });
  temporalClient = await openTemporalClient(registry.temporal);
  temporal = temporalClient.client;
  clone = new Clone();
  base = clone.commit("base.txt", "base");
  await registerCountedPasskey(registry, "bob");
  for (const project_id of [PUSHED, RELEASED, CUT_OFF]) {
    await actByCard(registry, buildRegistrationJob(project_id));
    await actByPermit(registry.as("admin"), buildPushJob(clone, project_id, "feature/base"));
  }
});

afterAll(async () => {
  await temporalClient?.close();
  await registry?.stop();
});

const runHousekeeping = (name: string) =>
  temporal.workflow.execute("housekeeping", { taskQueue: LAB_256_QUEUE, workflowId: `housekeeping-${name}`, args: [] });

/** Merges `feature/base` into `main`, for which it must be known who pushed to the project. */
const mergeBase = async (project_id: string) => {
  const { status, denial } = await actByCard(registry, await buildMergeIntoMain(registry, project_id, "feature/base", "fast-forward"));
  return { status, code: denial?.code ?? null };
};

/** Approves a release. Returns its card and its command, which is not issued. */
async function approveRelease() {
  const author = registry.as("admin");
  const job = buildReleaseJob(RELEASED, "v1.0.0", base);
  const card = await openCard(author, job, { run: "on_command" });
  await stateDecision(registry, "bob", "approve", card);
  await waitForCardToLeave(author, card.card_id, ["awaiting_approval"], PATIENCE_MS);
  return { card, command: await prepareCommand(author, job, { approval_ref: card.card_id }) };
}

/** Makes a head that cannot be anchored: another object is in its place, or in that of the next head, when the permit has expired. */
async function spoilNextAnchor(tenant: string): Promise<void> {
  await prepareCommand(registry.as("olga", tenant), buildPushJob(clone, "P.any", "feature/any"));
  const { length: seq } = await readTenantLedger(registry, tenant);
  for (const spoilt of [seq, seq + 1]) await registry.store.blobs.create(toAnchorKey(tenant, spoilt), Buffer.from("{"));
}

async function countUnanchored(tenant: string): Promise<number> {
  const db = openDatabase(registry.databaseUrl, { maxConnections: 1 });
  try {
    const anchors = db.selectFrom("ledger_anchors").select("seq").where("container", "=", toRegistryContainer(tenant));
    const newest = Math.max(0, ...(await anchors.execute()).map(({ seq }) => seq));
    return (await readTenantLedger(registry, tenant)).length - newest;
  } finally {
    await db.destroy();
  }
}

async function startWithClock(aheadMs: number): Promise<void> {
  const env = { TEST_CLOCK_AHEAD_MS: String(aheadMs) };
  await Promise.all(
    (["lab256", "lab512"] as const).map(async (name) => {
      await registry[name].stop();
      await registry[name].start({ entry: resolveTestProcess(`${name}-clock`, built), env });
    }),
  );
}

describe("cards whose flow somebody ended in Temporal", () => {
  it("are withdrawn by housekeeping with the reason, an unused permit first, and no other card is", async () => {
    const author = registry.as("admin");
    const [terminated, cancelled, waiting] = await Promise.all(
      ["P.terminated", "P.cancelled", "P.waiting"].map((project_id) => openCard(author, buildRegistrationJob(project_id))),
    );
    const approved = await approveRelease();
    if (terminated === undefined || cancelled === undefined || waiting === undefined) throw new Error("a card is missing");
    const handleOf = ({ workflow_id }: { workflow_id: string }) => temporal.workflow.getHandle(workflow_id);
    await handleOf(terminated).terminate("ended by an operator");
    await handleOf(approved.card).terminate("ended by an operator");
    // The most prominent button of Temporal's UI.
    await handleOf(cancelled).cancel();
    await expect(handleOf(cancelled).result()).rejects.toThrow();
    await runHousekeeping("cards");
    for (const { card_id } of [terminated, cancelled, approved.card])
      expect(requireValue(await author.readCard(card_id))).toMatchObject({
        status: "withdrawn",
        denial: { code: "withdrawn", message: expect.stringContaining("ended in Temporal") },
      });
    expect(requireValue(await author.readPermitState(approved.command.jti))).toMatchObject({ status: "revoked" });
    expect(await author.issueCommand(approved.command)).toMatchObject({ ok: false, problem: { code: "permit_revoked" } });
    expect(
      await stateDecision(registry, "bob", "approve", waiting).then(() => waitForCardEnd(author, waiting.card_id, PATIENCE_MS)),
    ).toMatchObject({
      status: "success",
    });
    await expectSoundLedger(registry);
  });
});

describe("acts that a Runner left when it died, and whose flows somebody then ended in Temporal", () => {
  let pushing: CommandEnvelope;
  let cutOff: CommandEnvelope;
  let releasing: Awaited<ReturnType<typeof approveRelease>>;
  let acts: CommandEnvelope[];

  beforeAll(async () => {
    const author = registry.as("admin");
    clone.commit("next.txt", "next");
    pushing = await prepareCommand(author, buildPushJob(clone, PUSHED, "feature/next"));
    cutOff = await prepareCommand(author, buildPushJob(clone, CUT_OFF, "feature/next"));
    releasing = await approveRelease();
    acts = [pushing, releasing.command, cutOff];
    await startDyingRunner(registry, { [pushing.jti]: "moved", [releasing.command.jti]: "moved", [cutOff.jti]: "stored" });
    for (const act of acts) requireValue(await author.issueCommand(act));
    await waitUntilDead(registry, "lab512");
    for (const id of [toActWorkflowId(TENANT, pushing.jti), toActWorkflowId(TENANT, cutOff.jti), releasing.card.workflow_id])
      await temporal.workflow.getHandle(id).terminate("ended by an operator");
    await registry.lab512.start();
  });

  const listFinishing = async () => {
    const ids: string[] = [];
    for (const { jti } of acts)
      await temporal.workflow
        .getHandle(toFinishWorkflowId(TENANT, jti))
        .describe()
        .then(({ workflowId }) => void ids.push(workflowId))
        .catch((error: unknown) => {
          if (!(error instanceof WorkflowNotFoundError)) throw error;
        });
    return ids;
  };

  it("are left alone at first, and nobody can merge meanwhile", async () => {
    await runHousekeeping("early");
    expect(await listFinishing()).toEqual([]);
    expect(await mergeBase(PUSHED)).toEqual({ status: "denied", code: "pushers_unknown" });
  });

  it("are finished by housekeeping once they are abandoned, although another tenant's chain cannot be anchored", async () => {
    await spoilNextAnchor(OTHER_TENANT);
    await startWithClock(AHEAD_MS);
    await expect(runHousekeeping("late")).rejects.toMatchObject({ cause: { type: "anchor_refused" } });
    expect(await countUnanchored(TENANT)).toBe(0);
    expect(await countUnanchored(OTHER_TENANT)).toBeGreaterThan(0);
    const ends = await Promise.all(acts.map(({ jti }) => temporal.workflow.getHandle(toFinishWorkflowId(TENANT, jti)).result()));
    expect(ends).toMatchObject([{ status: "success" }, { status: "success" }, { status: "error", denial: { code: "run_time_exceeded" } }]);
  });

  it("have one receipt each, equal in store and ledger, and what they did is in the catalog", async () => {
    for (const { jti } of [pushing, releasing.command]) await expectOneReceipt(registry, jti);
    const events = ["permit.issued", "command.issued", "receipt.recorded"];
    expect(await listEventTypesAbout(registry, pushing.jti)).toEqual([...events, "project.activity"]);
    expect(await listEventTypesAbout(registry, cutOff.jti)).toEqual(events);
    expect((await waitForCardEnd(registry.as("admin"), releasing.card.card_id, PATIENCE_MS)).status).toBe("success");
    expect(await readCatalogRefs(registry, PUSHED)).toHaveProperty(["refs/heads/feature/next"]);
    expect(await readCatalogRefs(registry, CUT_OFF)).not.toHaveProperty(["refs/heads/feature/next"]);
    expect(await readCatalogRefs(registry, RELEASED)).toHaveProperty(["refs/tags/v1.0.0"]);
  });

  it("keep nobody from merging any more", async () => {
    await startWithClock(0);
    for (const project of [PUSHED, RELEASED, CUT_OFF]) {
      expect(await mergeBase(project)).toEqual({ status: "success", code: null });
      await expectRefsAgree(registry, project);
    }
    await expectSoundLedger(registry);
  });
});
