import { afterAll, beforeAll } from "vitest";
import { startTestRegistry, type TestRegistry } from "../harness/registry.js";
import { approvalScenarios } from "./approvals.js";
import { changedPlanScenarios } from "./changed-plans.js";
import { forgedPermitScenarios } from "./forged-permits.js";
import { permitScenarios } from "./permits.js";
import { scenarioPolicy } from "./policies.js";
import { quorumScenarios } from "./quorum.js";
import { scenarioTenants } from "./tenants.js";

let registry: TestRegistry;
const running = () => registry;

beforeAll(async () => {
  registry = await startTestRegistry({ name: "short-clocks", policy: await scenarioPolicy(), tenants: scenarioTenants() });
});
afterAll(() => registry?.stop());

// One registry carries them all, each on projects of its own: starting one costs more than most scenarios.
forgedPermitScenarios(running);
permitScenarios(running);
approvalScenarios(running);
quorumScenarios(running);
changedPlanScenarios(running);
