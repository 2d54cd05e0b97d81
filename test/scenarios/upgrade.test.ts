import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { bundleWorkflowCode, DefaultLogger, type WorkflowBundle } from "@temporalio/worker";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { waitForCardEnd } from "../../src/client/waiting.js";
import { toCardWorkflowId } from "../../src/domain/act/workflow-id.js";
import { TENANT } from "../attacks/evidence.js";
import { actByCard, openCard, PATIENCE_MS, registration, state } from "../harness/acting.js";
import { startTestRegistry, type TestRegistry } from "../harness/registry.js";
import { openTemporal, type TemporalDesk } from "../harness/temporal-client.js";

let registry: TestRegistry;
let temporal: TemporalDesk;
let next: WorkflowBundle;

beforeAll(async () => {
  registry = await startTestRegistry({ name: "upgrade" });
  temporal = await openTemporal(registry.temporal);
  next = await bundleWorkflowCode({
    workflowsPath: fileURLToPath(new URL("../replay/patched-workflows.ts", import.meta.url)),
    webpackConfigHook: (config) => ({ ...config, resolve: { ...config.resolve, extensionAlias: { ".js": [".ts", ".js"] } } }),
    logger: new DefaultLogger("ERROR", () => undefined),
  });
});
afterAll(async () => {
  await temporal?.close();
  await registry?.stop();
});

/** Stops LAB 256's worker and starts one in its place that runs the next release's workflows. */
async function upgrade(): Promise<void> {
  const OGR_CACHE_DIRECTORY = join(registry.data_dir, "next-release");
  mkdirSync(OGR_CACHE_DIRECTORY);
  const env = { OGR_CACHE_DIRECTORY };
  await registry.lab256.stop();
  // A worker keeps what it built under the hash of its sources; the next release's build takes that place.
  await registry.lab256.start({ env });
  await registry.lab256.stop();
  const [built = ""] = readdirSync(OGR_CACHE_DIRECTORY);
  writeFileSync(join(OGR_CACHE_DIRECTORY, built), next.code);
  await registry.lab256.start({ env });
}

/** Whether the card's flow took the new way. */
async function isNewWay(card_id: string): Promise<boolean> {
  const { events } = await temporal.client.workflow.getHandle(toCardWorkflowId(TENANT, card_id)).fetchHistory();
  return (events ?? []).some((event) => event.markerRecordedEventAttributes?.markerName === "core_patch");
}

describe("a worker of a next release, whose workflows are changed behind `patched`", () => {
  it("carries a card that has waited since the old one to its receipt, on the old way, and a new card on the new one", async () => {
    const waiting = await openCard(registry.as("admin"), registration("P.waited"));
    expect(waiting.status).toBe("awaiting_approval");
    await upgrade();

    await state(registry, "bob", "approve", waiting);
    expect((await waitForCardEnd(registry.as("admin"), waiting.card_id, PATIENCE_MS)).status).toBe("success");
    expect(await isNewWay(waiting.card_id)).toBe(false);

    const fresh = await actByCard(registry, registration("P.fresh"));
    expect(fresh.status).toBe("success");
    expect(await isNewWay(fresh.card_id)).toBe(true);
  });
});
