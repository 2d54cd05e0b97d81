import { defineConfig } from "vitest/config";

const patience = {
  testTimeout: 60_000,
  hookTimeout: 120_000,
  teardownTimeout: 60_000,
  // What is waited for comes soon; a second of it is not much on a busy machine.
  expect: { poll: { timeout: 30_000 } },
};
/**
 * These need a process of their own: one counts for as long as it lives, and Temporal's runtime is installed in it once. All others give
 * back what they start, so that their files share processes: loading the sources anew costs more than most of them.
 */
const alone = ["attacks", "metrics", "observability", "replay"].map((folder) => `test/${folder}/**/*.test.ts`);
alone.push("test/scenarios/upgrade.test.ts");

export default defineConfig({
  test: {
    globalSetup: ["test/harness/servers.ts"],
    pool: "forks",
    // Each file drives real servers, and one in three waits for a clock: three keep two processors busy.
    maxWorkers: 3,
    ...patience,
    projects: [
      { test: { name: "alone", include: alone, ...patience } },
      { test: { name: "together", include: ["test/**/*.test.ts"], exclude: alone, isolate: false, ...patience } },
    ],
  },
});
