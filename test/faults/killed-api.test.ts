import { WorkflowNotFoundError } from "@temporalio/client";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { RegistryFault } from "../../src/client/http/problem.js";
import { waitForCommandEnd } from "../../src/client/waiting.js";
import { toActWorkflowId } from "../../src/domain/act/workflow-id.js";
import { listEventTypesAbout, TENANT } from "../attacks/evidence.js";
import { actByCard, actByPermit, buildPushJob, buildRegistrationJob, PATIENCE_MS, prepareCommand } from "../harness/acting.js";
import { startTestRegistry, type TestRegistry } from "../harness/registry.js";
import { openTemporalClient, type TemporalTestClient } from "../harness/temporal-client.js";
import { Clone } from "../repository/real-git.js";
import { expectOneReceipt } from "./agreement.js";
import { type MuteProxy, startMuteProxy } from "./mute-proxy.js";

const PROJECT = "P.demo";

let registry: TestRegistry;
let temporal: TemporalTestClient;
let proxy: MuteProxy;
let clone: Clone;

beforeAll(async () => {
  registry = await startTestRegistry({ name: "killed-api" });
  temporal = await openTemporalClient(registry.temporal);
  proxy = await startMuteProxy(registry.temporal.address);
  clone = new Clone();
  clone.commit("base.txt", "base");
  await actByCard(registry, buildRegistrationJob(PROJECT));
});

afterAll(async () => {
  await registry?.stop();
  await temporal?.close();
  await proxy?.close();
});

async function isStarted(workflowId: string): Promise<boolean> {
  try {
    await temporal.client.workflow.getHandle(workflowId).describe();
    return true;
  } catch (error) {
    if (!(error instanceof WorkflowNotFoundError)) throw error;
    return false;
  }
}

describe("an api that is killed after it started an act and before it responded", () => {
  it("leaves an act that ends, and a repeated command returns the same job", async () => {
    const author = registry.as("admin");
    await registry.api.stop();
    await registry.api.start({ env: { OGR_TEMPORAL_ADDRESS: proxy.address } });
    await actByPermit(author, buildPushJob(clone, PROJECT, "feature/before"));

    const envelope = await prepareCommand(author, buildPushJob(clone, PROJECT, "feature/x"));
    proxy.isMuted = true;
    const unanswered = author.issueCommand(envelope).catch((error: unknown) => error);
    await expect.poll(() => isStarted(toActWorkflowId(TENANT, envelope.jti)), { timeout: PATIENCE_MS, interval: 20 }).toBe(true);
    await registry.api.kill();
    expect(await unanswered).toBeInstanceOf(RegistryFault);

    await registry.api.start();
    await waitForCommandEnd(author, envelope.jti, PATIENCE_MS);
    await expectOneReceipt(registry, envelope.jti);
    const again = await author.issueCommand({ ...envelope, jobId: "job-of-the-second-try" });
    expect(again).toMatchObject({ ok: false, status: 409, problem: { code: "permit_used", jobId: envelope.jobId } });
    expect(await author.issueCommand(envelope)).toMatchObject({
      ok: false,
      status: 409,
      problem: { code: "permit_used", jobId: envelope.jobId },
    });
    expect((await listEventTypesAbout(registry, envelope.jti)).sort()).toEqual([
      "command.issued",
      "permit.issued",
      "project.activity",
      "receipt.recorded",
    ]);
  });
});
