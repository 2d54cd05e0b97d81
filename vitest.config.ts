import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";

const patience = {
  testTimeout: 60_000,
  hookTimeout: 120_000,
  teardownTimeout: 60_000,
  // What is waited for comes soon; a second of it is not much on a busy machine.
  expect: { poll: { timeout: 30_000 } },
  // With a small heap, V8 can fall into collecting it all several times a second, which doubles the time of a file.
  execArgv: ["--initial-old-space-size=512"],
};
/**
 * These need a process of their own: one counts for as long as it lives, and Temporal's runtime is installed in it once. All others give
 * back what they start, so that their files share processes: loading the sources anew costs more than most of them.
 */
const alone = ["process/metrics", "process/observability", "replay"].map((folder) => `test/${folder}/**/*.test.ts`);
alone.push("test/scenarios/upgrade.test.ts");

/** A campaign runs the files that have more to do then: those that import the harness's `campaign.js`. */
const included = process.env.CAMPAIGN === undefined ? ["test/**/*.test.ts"] : listCampaignFiles();

function listCampaignFiles(): string[] {
  const files = readdirSync("test", { recursive: true, encoding: "utf8" }).filter((file) => file.endsWith(".test.ts"));
  return files.map((file) => join("test", file)).filter((file) => readFileSync(file, "utf8").includes("harness/campaign.js"));
}

/** Small files that take as long as the largest, because they run what others define. */
const LONG = /under-short-clocks|under-the-default-policy|merges|webhooks|restore|live|killed-|campaign|several-machines/;
/** Folders of files that start a registry. */
const REGISTRIES = /\/test\/(scenarios|faults|stack|attacks|telemetry)\//;

/**
 * First the files that are alone, as one of them between two others ends the process that those would share; then what starts a registry,
 * which takes longest, so that no long file is left for the end.
 */
class Sequencer extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const startsRegistry = (path: string) =>
      REGISTRIES.test(path) || /\b(startTestRegistry|startRegistryInProcess)\(/.test(readFileSync(path, "utf8"));
    const rank = ({ project, moduleId }: TestSpecification) =>
      project.name === "alone" ? 0 : !startsRegistry(moduleId) ? 3 : LONG.test(moduleId) ? 1 : 2;
    const sorted = await super.sort(files);
    return [0, 1, 2, 3].flatMap((wanted) => sorted.filter((file) => rank(file) === wanted));
  }
}

export default defineConfig({
  test: {
    globalSetup: ["test/harness/servers.ts"],
    pool: "forks",
    // Each file drives real servers, and one in four waits for a clock: four keep two processors busy.
    maxWorkers: 4,
    sequence: { sequencer: Sequencer },
    ...patience,
    projects: [
      { test: { name: "alone", include: process.env.CAMPAIGN === undefined ? alone : [], ...patience } },
      { test: { name: "together", include: included, exclude: alone, isolate: false, ...patience } },
    ],
  },
});
