import { defineConfig } from "vitest/config";

const patience = { testTimeout: 60_000, hookTimeout: 120_000, teardownTimeout: 60_000 };
/**
 * They start nothing but what is given back, so that their files share processes: loading the sources anew costs more than most of them.
 * Not `metrics`: a process counts for as long as it lives.
 */
const sharing = [
  ...["activities", "api", "client", "configuration", "domain", "git", "identity", "infra", "infra-engine", "jobs", "ledger", "limits"],
  ...["policy", "runner", "storage"],
];
const filesOf = (folder: string) => `test/${folder}/**/*.test.ts`;

export default defineConfig({
  test: {
    globalSetup: ["test/harness/servers.ts"],
    pool: "forks",
    // Each file drives real servers, and one in three waits for a clock: three keep two processors busy.
    maxWorkers: 3,
    ...patience,
    projects: [
      { test: { name: "registries", include: [filesOf("*")], exclude: sharing.map(filesOf), ...patience } },
      { test: { name: "parts", include: sharing.map(filesOf), isolate: false, ...patience } },
    ],
  },
});
