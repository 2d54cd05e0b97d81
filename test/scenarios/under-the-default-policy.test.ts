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

// The scenarios share one registry, because its start takes longer than most of them. Each uses its own projects.
describeProofOfDone(getRegistry);
describePushes(getRegistry);
describeReleases(getRegistry);
describeStepUp(getRegistry);
describeMovedMain(getRegistry);
