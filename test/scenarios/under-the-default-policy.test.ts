import { afterAll, beforeAll } from "vitest";
import { type ServedRegistry, startRegistryInProcess } from "../harness/registry.js";
import { describeMovedMain } from "./moved-main.js";
import { describeProofOfDone } from "./proof-of-done.js";
import { describePushes } from "./pushes.js";
import { describeReleases } from "./releases-and-registrations.js";
import { describeStepUp } from "./step-up.js";

let registry: ServedRegistry;
const getRegistry = () => registry;

beforeAll(async () => {
  registry = await startRegistryInProcess({ name: "default-policy" });
});
afterAll(() => registry?.stop());

// One registry carries them all, each on projects of its own: starting one costs more than most scenarios.
describeProofOfDone(getRegistry);
describePushes(getRegistry);
describeReleases(getRegistry);
describeStepUp(getRegistry);
describeMovedMain(getRegistry);
