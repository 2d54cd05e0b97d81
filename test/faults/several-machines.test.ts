import { hostname } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import type { temporal } from "@temporalio/proto";
import { afterAll, beforeAll, describe, expect, inject, it, vi } from "vitest";
import { checkInvariants } from "../../faults/check/invariants.js";
import { Load } from "../../faults/load.js";
import { Random } from "../../faults/random.js";
import { waitUntilAtRest } from "../../faults/rest.js";
import { REGISTRY_PROCESSES, type RegistryProcess } from "../../src/stack/registry/registry-process.js";
import { TENANT } from "../attacks/evidence.js";
import { PATIENCE_MS } from "../harness/acting.js";
import { chooseExtent, SEED } from "../harness/campaign.js";
import { registerCountedPasskey } from "../harness/passkeys.js";
import { startTestRegistry, type TestRegistry } from "../harness/registry.js";
import { openTemporalClient } from "../harness/temporal-client.js";
import { toCheckTarget } from "./check-target.js";

const EACH = chooseExtent(2, 3);
const PEOPLE = chooseExtent(2, 3);
/** How many processes of each kind are killed, the last first. */
const KILLED = chooseExtent(1, EACH);
const BETWEEN_KILLS_MS = 400;

type Event = temporal.api.history.v1.IHistoryEvent;

describe.skipIf(inject("servers").s3 === undefined)("several apis, workers of LAB 256 and Runners", () => {
  let registry: TestRegistry;
  /** All process ids of each process, by name. */
  const pids = new Map<string, number[]>();

  beforeAll(async () => {
    registry = await startTestRegistry({ name: "several-machines", replicas: { api: EACH, lab256: EACH, lab512: EACH } });
    await registerCountedPasskey(registry, "bob");
    for (const name of REGISTRY_PROCESSES) for (const process of registry.replicas[name]) note(process);
  });
  afterAll(() => registry?.stop());

  function note(process: RegistryProcess): void {
    pids.set(process.name, [...(pids.get(process.name) ?? []), process.pid]);
  }

  /** Kills the n-th process of each kind in turn and restarts them while the others continue. */
  async function killNth(n: number): Promise<void> {
    const killed = REGISTRY_PROCESSES.flatMap((name) => registry.replicas[name][n] ?? []);
    for (const process of killed) {
      await process.kill();
      await sleep(BETWEEN_KILLS_MS);
    }
    await Promise.all(killed.map((process) => process.start()));
    for (const process of killed) note(process);
  }

  /** Lists the processes that have done no work yet. */
  async function listIdle(): Promise<string[]> {
    const worked = await listIdentities(registry);
    return [...pids].flatMap(([name, ids]) => (ids.some((pid) => worked.has(`${toKind(name)}/${pid}@${hostname()}`)) ? [] : [name]));
  }

  it("keep every invariant while each is killed under load and restarted, and all of them get work", { timeout: 420_000 }, async () => {
    const load = new Load(registry.urls, registry.founded, registry.openPasskeys("bob"));
    await load.prepare();
    const working = load.run(PEOPLE, new Random(chooseExtent(SEED, Date.now() % 1_000_000)));
    for (let n = EACH - 1; n >= EACH - KILLED; n -= 1) {
      await sleep(BETWEEN_KILLS_MS);
      // An error of the load fails the test at once.
      await Promise.race([killNth(n), working]);
    }
    await sleep(4 * BETWEEN_KILLS_MS);
    // Work is distributed at random, so a busy machine needs longer until every process has had some.
    await Promise.race([vi.waitFor(async () => expect(await listIdle()).toEqual([]), { timeout: PATIENCE_MS, interval: 1_000 }), working]);
    load.stop();
    await working;
    await waitUntilAtRest({ ...registry, tenant: TENANT });

    const report = await checkInvariants(await toCheckTarget(registry, load.promised));
    expect(report.violations).toEqual([]);
    expect(report.successes).toBeGreaterThan(EACH);
    expect(await listIdle()).toEqual([]);
  });
});

function toKind(name: string): string {
  return name.replace(/-\d+$/, "");
}

/** Lists the identities in Temporal's histories: `api/<pid>@<host>` started flows, `lab256/…` and `lab512/…` ran tasks. */
async function listIdentities({ temporal: address }: TestRegistry): Promise<Set<string>> {
  const desk = await openTemporalClient(address);
  try {
    const found = new Set<string>();
    for await (const { workflowId, runId } of desk.client.workflow.list()) {
      const { events } = await desk.client.workflow.getHandle(workflowId, runId).fetchHistory();
      for (const event of events ?? []) for (const identity of extractIdentities(event)) found.add(identity);
    }
    return found;
  } finally {
    await desk.close();
  }
}

function extractIdentities(event: Event): string[] {
  const { workflowExecutionStartedEventAttributes: began, workflowTaskCompletedEventAttributes: decided } = event;
  const { activityTaskStartedEventAttributes: ran, workflowExecutionUpdateAcceptedEventAttributes: asked } = event;
  return [began?.identity, decided?.identity, ran?.identity, asked?.acceptedRequest?.meta?.identity].flatMap((one) => one ?? []);
}
