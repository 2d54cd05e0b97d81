import { afterAll, beforeAll } from "vitest";
import { startTestRegistry, type TestRegistry } from "../harness/registry.js";
import { describeApprovals } from "./approvals.js";
import { describeChangedPlans } from "./changed-plans.js";
import { describeForgedPermits } from "./forged-permits.js";
import { describePermits } from "./permits.js";
import { buildScenarioPolicy } from "./policies.js";
import { describeQuorum } from "./quorum.js";
import { buildScenarioTenants } from "./tenants.js";

let registry: TestRegistry;
const getRegistry = () => registry;

beforeAll(async () => {
  registry = await startTestRegistry({ name: "short-clocks", policy: await buildScenarioPolicy(), tenants: buildScenarioTenants() });
});
afterAll(() => registry?.stop());

// The scenarios share one registry, because its start takes longer than most of them. Each uses its own projects.
describeForgedPermits(getRegistry);
describePermits(getRegistry);
describeApprovals(getRegistry);
describeQuorum(getRegistry);
describeChangedPlans(getRegistry);
