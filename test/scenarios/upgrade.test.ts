import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { waitForCardEnd } from "../../src/client/waiting.js";
import { toCardWorkflowId } from "../../src/domain/act/workflow-id.js";
import { loadWorkflowBundle } from "../../src/worker/workflow-bundle.js";
import { TENANT } from "../attacks/evidence.js";
import { actByCard, buildRegistrationJob, openCard, PATIENCE_MS, stateDecision } from "../harness/acting.js";
import { resolveTestProcess } from "../harness/processes.js";
import { startTestRegistry, type TestRegistry } from "../harness/registry.js";
import { openTemporalClient, type TemporalTestClient } from "../harness/temporal-client.js";
import { changeOfficialAct } from "../replay/changed-bundle.js";

let registry: TestRegistry;
let temporal: TemporalTestClient;

const NEXT_RELEASE = resolveTestProcess("lab256-next-release", inject("servers").built);

beforeAll(async () => {
  registry = await startTestRegistry({ name: "upgrade" });
  temporal = await openTemporalClient(registry.temporal);
});
afterAll(async () => {
  await temporal?.close();
  await registry?.stop();
});

/** Starts the next release of LAB 256 in place of the running one. Its flows are changed as a running flow can survive it. */
async function upgrade(): Promise<void> {
  const TEST_WORKFLOWS = join(registry.dataDir, "next-release.js");
  const next = changeOfficialAct(
    await loadWorkflowBundle("plain"),
    (temporalModule) => `if (${temporalModule}.patched("waits-before-it-begins")) await ${temporalModule}.sleep(1);`,
  );
  await writeFile(TEST_WORKFLOWS, next.code);
  await registry.lab256.stop();
  await registry.lab256.start({ entry: NEXT_RELEASE, env: { TEST_WORKFLOWS } });
}

/** Whether the card's flow took the new way. */
async function isNewWay(card_id: string): Promise<boolean> {
  const { events } = await temporal.client.workflow.getHandle(toCardWorkflowId(TENANT, card_id)).fetchHistory();
  return (events ?? []).some((event) => event.markerRecordedEventAttributes?.markerName === "core_patch");
}

describe("a worker of a next release, whose workflows are changed behind `patched`", () => {
  it("carries a card that has waited since the old one to its receipt, on the old way, and a new card on the new one", async () => {
    const waiting = await openCard(registry.as("admin"), buildRegistrationJob("P.waited"));
    expect(waiting.status).toBe("awaiting_approval");
    await upgrade();

    await stateDecision(registry, "bob", "approve", waiting);
    expect((await waitForCardEnd(registry.as("admin"), waiting.card_id, PATIENCE_MS)).status).toBe("success");
    expect(await isNewWay(waiting.card_id)).toBe(false);

    const fresh = await actByCard(registry, buildRegistrationJob("P.fresh"));
    expect(fresh.status).toBe("success");
    expect(await isNewWay(fresh.card_id)).toBe(true);
  });
});
