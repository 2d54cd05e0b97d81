import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { readSigningKey } from "../../src/configuration/keys.js";
import { actByCard, actByPermit, PATIENCE_MS, push, registration } from "../harness/acting.js";
import { processOf } from "../harness/processes.js";
import { startTestRegistry, type TestRegistry } from "../harness/registry.js";
import { openTemporal, type TemporalDesk } from "../harness/temporal-client.js";
import { Clone } from "../repository/real-git.js";

const PROJECT = "P.clocks";
const AHEAD_RUNNER = processOf("lab512-ahead", inject("servers").built);
const BEHIND_LAB256 = processOf("lab256-behind", inject("servers").built);

let registry: TestRegistry;
let temporal: TemporalDesk;
let clone: Clone;
let pushes = 0;

beforeAll(async () => {
  registry = await startTestRegistry({ name: "clocks" });
  temporal = await openTemporal(registry.temporal);
  clone = new Clone();
  clone.commit("a.txt", "a\n");
  await actByCard(registry, registration(PROJECT));
});

afterAll(async () => {
  await temporal?.close();
  await registry?.stop();
});

async function pushed(): Promise<string> {
  pushes += 1;
  return (await actByPermit(registry.as("admin"), push(clone, PROJECT, `feature/n-${pushes}`))).command.status;
}

/** What health says of clocks after housekeeping has looked at them; asked until it is what a test waits for. */
async function expectClockWarnings(expected: unknown[]): Promise<void> {
  const warnings = async () => {
    await temporal.client.schedule.getHandle("housekeeping").trigger();
    const { warnings } = (await (await fetch(`${registry.url}/health`)).json()) as { warnings: string[] };
    return warnings.filter((warning) => warning.includes("clock"));
  };
  await expect.poll(warnings, { timeout: PATIENCE_MS, interval: 1_000 }).toEqual(expected);
}

test("clocks that are right are not named by health; a Runner's that is wrong is, until the Runner answers by a right one", async () => {
  expect(await pushed()).toBe("success");
  await expectClockWarnings([]);

  await registry.lab512.kill();
  await registry.lab512.start({ entry: AHEAD_RUNNER });
  expect(await pushed()).toBe("expired");
  const { kid } = readSigningKey(registry.founded.keys.receipt);
  await expectClockWarnings([
    expect.stringMatching(new RegExp(`^The Runner with the key ${kid} has a clock at least (59|60)\\d{4} ms ahead`)),
  ]);

  await registry.lab512.kill();
  await registry.lab512.start();
  for (let times = 0; times < 5; times += 1) expect(await pushed()).toBe("success");
  await expectClockWarnings([]);
});

test("a worker of LAB 256 whose clock is wrong is named by health", async () => {
  await registry.lab256.kill();
  await registry.lab256.start({ entry: BEHIND_LAB256 });
  await expectClockWarnings([expect.stringMatching(/^A worker of LAB 256 has a clock at least (19|20)\d{3} ms behind the database's/)]);
});
