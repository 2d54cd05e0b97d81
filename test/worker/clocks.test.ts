import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { readSigningKey } from "../../src/configuration/keys.js";
import { actByCard, actByPermit, buildPushJob, buildRegistrationJob, PATIENCE_MS } from "../harness/acting.js";
import { resolveTestProcess } from "../harness/processes.js";
import { startTestRegistry, type TestRegistry } from "../harness/registry.js";
import { openTemporalClient, type TemporalTestClient } from "../harness/temporal-client.js";
import { Clone } from "../repository/real-git.js";

const PROJECT = "P.clocks";
const RUNNER = resolveTestProcess("lab512-clock", inject("servers").built);
const LAB_256 = resolveTestProcess("lab256-clock", inject("servers").built);

/** So far ahead that every permit has expired. */
const EXPIRED_MS = 600_000;

let registry: TestRegistry;
let temporal: TemporalTestClient;
let clone: Clone;
let pushes = 0;

beforeAll(async () => {
  registry = await startTestRegistry({ name: "clocks" });
  temporal = await openTemporalClient(registry.temporal);
  clone = new Clone();
  clone.commit("a.txt", "a\n");
  await actByCard(registry, buildRegistrationJob(PROJECT));
});

afterAll(async () => {
  await temporal?.close();
  await registry?.stop();
});

async function pushCommit(): Promise<string> {
  pushes += 1;
  return (await actByPermit(registry.as("admin"), buildPushJob(clone, PROJECT, `feature/n-${pushes}`))).command.status;
}

/** Polls health until its warnings about clocks are the expected ones. */
async function expectClockWarnings(expected: unknown[]): Promise<void> {
  const listWarnings = async () => {
    await temporal.client.schedule.getHandle("housekeeping").trigger();
    const { warnings } = (await (await fetch(`${registry.url}/health`)).json()) as { warnings: string[] };
    return warnings.filter((warning) => warning.includes("clock"));
  };
  await expect.poll(listWarnings, { timeout: PATIENCE_MS, interval: 1_000 }).toEqual(expected);
}

test("health names a Runner with a wrong clock until the Runner reports a correct one", async () => {
  expect(await pushCommit()).toBe("success");
  await expectClockWarnings([]);

  await registry.lab512.kill();
  await registry.lab512.start({ entry: RUNNER, env: { TEST_CLOCK_AHEAD_MS: String(EXPIRED_MS) } });
  expect(await pushCommit()).toBe("expired");
  const { kid } = readSigningKey(registry.founded.keys.receipt);
  await expectClockWarnings([
    expect.stringMatching(new RegExp(`^The Runner with the key ${kid} has a clock at least (59|60)\\d{4} ms ahead`)),
  ]);

  await registry.lab512.kill();
  await registry.lab512.start();
  for (let times = 0; times < 5; times += 1) expect(await pushCommit()).toBe("success");
  await expectClockWarnings([]);
});

test("health names a worker of LAB 256 with a wrong clock", async () => {
  await registry.lab256.kill();
  await registry.lab256.start({ entry: LAB_256, env: { TEST_CLOCK_AHEAD_MS: "-20000" } });
  await expectClockWarnings([expect.stringMatching(/^A worker of LAB 256 has a clock at least (19|20)\d{3} ms behind the database's/)]);
});
