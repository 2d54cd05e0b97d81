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

/** Replaces the running LAB 256 by its next release, whose workflows are changed behind `patched`. */
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

/** Tells whether the card's flow ran the patched code. */
async function hasRunPatchedCode(card_id: string): Promise<boolean> {
  const { events } = await temporal.client.workflow.getHandle(toCardWorkflowId(TENANT, card_id)).fetchHistory();
  return (events ?? []).some((event) => event.markerRecordedEventAttributes?.markerName === "core_patch");
}

describe("a worker of the next release, whose workflows are changed behind `patched`", () => {
  it("finishes a card of the old release by the old code, and a new card by the new code", async () => {
    const waiting = await openCard(registry.as("admin"), buildRegistrationJob("P.waited"));
    expect(waiting.status).toBe("awaiting_approval");
    await upgrade();

    await stateDecision(registry, "bob", "approve", waiting);
    expect((await waitForCardEnd(registry.as("admin"), waiting.card_id, PATIENCE_MS)).status).toBe("success");
    expect(await hasRunPatchedCode(waiting.card_id)).toBe(false);

    const fresh = await actByCard(registry, buildRegistrationJob("P.fresh"));
    expect(fresh.status).toBe("success");
    expect(await hasRunPatchedCode(fresh.card_id)).toBe(true);
  });
});
