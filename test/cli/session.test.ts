import { afterAll, beforeAll } from "vitest";
import { startTestRegistry, type TestRegistry } from "../harness/registry.js";
import { acts } from "./session/acts.js";
import { testBadInput } from "./session/bad-input.js";
import { evidence } from "./session/evidence.js";
import { testMainJob } from "./session/main-job.js";
import { profiles } from "./session/profiles.js";

let registry: TestRegistry;

beforeAll(async () => {
  registry = await startTestRegistry({ name: "cli-session" });
});

afterAll(() => registry?.stop());

const started = () => registry;
// First, because it counts every card of the tenant.
testMainJob(started);
testBadInput(started);
profiles(started);
acts(started);
evidence(started);
