import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { requireValue } from "../../src/client/http/problem.js";
import { waitForCommandEnd } from "../../src/client/waiting.js";
import type { JobStep } from "../../src/lab512/jobs/job.js";
import { DyingLab256, reviveRunner, startDyingRunner, waitUntilDead } from "../faults/dying.js";
import { actByCard, actByPermit, buildPushJob, buildRegistrationJob, PATIENCE_MS, prepareCommand } from "../harness/acting.js";
import { chooseExtent } from "../harness/campaign.js";
import { startTestRegistry, type TestRegistry } from "../harness/registry.js";
import { openTemporalClient, type TemporalTestClient } from "../harness/temporal-client.js";
import { type Entry, formatRegistryJson } from "../infra-engine/registries.js";
import { Clone, createTemporaryFolder } from "../repository/real-git.js";
import { TELEMETRY } from "./lines.js";
import {
  expectExactlyOnce,
  PATIENCE_MS as FLOOR_MS,
  getTelemetryFlow,
  listLines,
  loseFlow,
  openTelemetryMirror,
  QUICK,
  readCurrentDetails,
  waitUntilPasses,
} from "./telemetry-mirror.js";

const ENTRIES: Readonly<Record<string, Entry>> = {
  "T.UBL/P.demo": "enabled production",
  "T.UBL/P.other": "enabled sandbox",
  [`T.UBL/${TELEMETRY}`]: "enabled production",
  "T.OTHER/P.theirs": "enabled production",
};

/** Some tests wait twice for the telemetry and kill processes in between. */
const PATIENT = { timeout: 3 * FLOOR_MS };

let registry: TestRegistry;
let temporal: TemporalTestClient;
let clone: Clone;
let pushes = 0;
const infra = join(createTemporaryFolder("ogr-infra-"), "telemetry-registry.v2.json");
const writeRegistry = (changes: Readonly<Record<string, Entry>> = {}) =>
  writeFileSync(infra, formatRegistryJson({ ...ENTRIES, ...changes }));
const actAsAdmin = () => registry.as("admin");
const pushTo = (project: string) => {
  pushes += 1;
  return buildPushJob(clone, project, `feature/${pushes}`);
};

beforeAll(async () => {
  writeRegistry();
  registry = await startTestRegistry({ name: "telemetry", infra: `file:${infra}`, variables: { lab256: QUICK } });
  temporal = await openTemporalClient(registry.temporal);
  clone = new Clone();
  clone.commit("a.txt", "a\n");
});
afterAll(async () => {
  await temporal?.close();
  await registry?.stop();
});

describe("the telemetry of a tenant", PATIENT, () => {
  it("waits with the reason while its repository is not registered, and loses nothing", async () => {
    await actByCard(registry, buildRegistrationJob("P.demo"));
    await waitUntilPasses(async () => expect(await readCurrentDetails(temporal)).toContain("register it first"));
    expect(await openTelemetryMirror(registry)).toBeUndefined();
    await actByCard(registry, buildRegistrationJob(TELEMETRY));
    const { files } = await expectExactlyOnce(registry);
    expect(listLines({ files }).map(({ project_id }) => project_id)).toEqual(["P.demo", TELEMETRY]);
  });

  it("has one line for each finished act of its projects, in order, for every outcome", async () => {
    await actByCard(registry, buildRegistrationJob("P.other"));
    for (const project of ["P.demo", "P.other", "P.demo"]) await actByPermit(actAsAdmin(), pushTo(project));
    const moved = pushTo("P.demo");
    await actByPermit(actAsAdmin(), { ...moved, params: { ...moved.params, expected_old: "1".repeat(40) } });
    const command = await prepareCommand(actAsAdmin(), pushTo("P.other"));
    writeRegistry({ "T.UBL/P.other": "enabled production" });
    requireValue(await actAsAdmin().issueCommand(command));
    await waitForCommandEnd(actAsAdmin(), command.jti, PATIENCE_MS);
    writeRegistry();
    const lines = listLines(await expectExactlyOnce(registry));
    const ends = lines.map(({ project_id, status, code, refs, level }) => ({ project_id, status, code, refs, level }));
    expect(ends).toContainEqual({ project_id: "P.demo", status: "error", code: "ref_moved", refs: 0, level: "L1" });
    expect(ends).toContainEqual({ project_id: "P.other", status: "denied", code: "infra_changed", refs: 0, level: "L1" });
    expect(lines.find(({ code }) => code === "infra_changed")).not.toHaveProperty("wall_ms");
    expect(lines.filter(({ job_type }) => job_type === "git.registry.telemetry_append")).toEqual([]);
    expect(lines.filter(({ card_id }) => card_id !== undefined)).toHaveLength(3);
    for (const { infra_revision, status } of lines) if (status === "success") expect(infra_revision).toMatch(/^[0-9a-f]{64}$/);
  });

  it("can be cloned, and contains no address and no text by a person", async () => {
    const { git, files } = await expectExactlyOnce(registry);
    const folder = join(createTemporaryFolder("ogr-clone-"), "clone");
    execFileSync("git", ["clone", "-q", git("rev-parse", "--absolute-git-dir").trim(), folder], { stdio: "pipe" });
    const text = [...files.values()].join("");
    for (const word of ["@", "A test", "a change", "feature/"]) expect(text).not.toContain(word);
  });

  it("is written by the registry's service actor, which has no token", async () => {
    const commands = await actAsAdmin().listCommands({ project_id: TELEMETRY }).read();
    const appends = commands.filter(({ jobType, status }) => jobType === "git.registry.telemetry_append" && status !== "running");
    expect(appends.length).toBeGreaterThan(0);
    for (const { actor_id, status } of appends)
      expect({ actor_id, status }).toEqual({ actor_id: "ubl:sid:app:registry.telemetry", status: "success" });
  });

  it("gets a new flow from housekeeping if its flow is lost, and continues at the ledger's position", async () => {
    const lost = await loseFlow(temporal);
    await actByPermit(actAsAdmin(), pushTo("P.demo"));
    await lost.resume();
    await waitUntilPasses(async () => expect((await getTelemetryFlow(temporal).describe()).status.name).toBe("RUNNING"));
    await expectExactlyOnce(registry);
  });
});

describe.each<JobStep>(chooseExtent(["moved"], ["stored", "moved", "receipted"]))(
  "a Runner that is killed when an append is %s",
  PATIENT,
  (step) => {
    it("leaves every line exactly once", async () => {
      await expectExactlyOnce(registry);
      const lost = await loseFlow(temporal);
      for (const project of ["P.demo", "P.other"]) await actByPermit(actAsAdmin(), pushTo(project));
      await startDyingRunner(registry, step);
      await lost.resume();
      await reviveRunner(registry);
      await expectExactlyOnce(registry);
    });
  },
);

describe("LAB 256", PATIENT, () => {
  it("killed after it issued an append's permit leaves every line exactly once", async () => {
    await expectExactlyOnce(registry);
    await loseFlow(temporal);
    await actByPermit(actAsAdmin(), pushTo("P.demo"));
    const dying = new DyingLab256(registry);
    await dying.start();
    dying.complete({ "telemetry/T.UBL": "after nextTelemetry" });
    await temporal.client.workflow.start("housekeeping", { taskQueue: "LAB_256", workflowId: "housekeeping-by-hand", args: [] });
    await waitUntilDead(registry, "lab256");
    await registry.lab256.start();
    await temporal.client.schedule.getHandle("housekeeping").unpause();
    await expectExactlyOnce(registry);
  });

  it("and the Runner, both killed repeatedly during acts, leave every line exactly once", async () => {
    for (let round = 0; round < chooseExtent(2, 8); round += 1) {
      await Promise.all(["P.demo", "P.other", "P.demo"].map((project) => actByPermit(actAsAdmin(), pushTo(project))));
      const victim = round % 2 === 0 ? registry.lab256 : registry.lab512;
      // About the time at which the next append begins.
      await new Promise((resolve) => setTimeout(resolve, 700 + 150 * round));
      await victim.kill();
      await victim.start();
    }
    await expectExactlyOnce(registry);
  });
});
