import { afterAll, beforeAll } from "vitest";
import { startTestRegistry, type TestRegistry } from "../harness/registry.js";
import { movedMainScenarios } from "./moved-main.js";
import { proofOfDone } from "./proof-of-done.js";
import { pushScenarios } from "./pushes.js";
import { releaseScenarios } from "./releases-and-registrations.js";
import { stepUpScenarios } from "./step-up.js";

let registry: TestRegistry;
const running = () => registry;

beforeAll(async () => {
  registry = await startTestRegistry({ name: "default-policy" });
});
afterAll(() => registry?.stop());

// One registry carries them all, each on projects of its own: starting one costs more than most scenarios.
proofOfDone(running);
pushScenarios(running);
releaseScenarios(running);
stepUpScenarios(running);
movedMainScenarios(running);
