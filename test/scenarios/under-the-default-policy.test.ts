import { afterAll, beforeAll } from "vitest";
import { startTestRegistry, type TestRegistry } from "../harness/registry.js";
import { describeMovedMain } from "./moved-main.js";
import { describeProofOfDone } from "./proof-of-done.js";
import { describePushes } from "./pushes.js";
import { describeReleases } from "./releases-and-registrations.js";
import { describeStepUp } from "./step-up.js";

let registry: TestRegistry;
const getRegistry = () => registry;

beforeAll(async () => {
  registry = await startTestRegistry({ name: "default-policy" });
});
afterAll(() => registry?.stop());

// One registry carries them all, each on projects of its own: starting one costs more than most scenarios.
describeProofOfDone(getRegistry);
describePushes(getRegistry);
describeReleases(getRegistry);
describeStepUp(getRegistry);
describeMovedMain(getRegistry);
