import { afterAll, beforeAll } from "vitest";
import { type ServedRegistry, startRegistryInProcess } from "../harness/registry.js";
import { describeActs } from "./session/acts.js";
import { testBadInput } from "./session/bad-input.js";
import { describeCharter } from "./session/charter.js";
import { describeEvidence } from "./session/evidence.js";
import { testMainJob } from "./session/main-job.js";
import { describePolicy } from "./session/policy.js";
import { describeProfiles } from "./session/profiles.js";
import { describeReadme } from "./session/readme.js";

let registry: ServedRegistry;

beforeAll(async () => {
  registry = await startRegistryInProcess({ name: "cli-session" });
});

afterAll(() => registry?.stop());

const getRegistry = () => registry;
// First, because it counts every card of the tenant, and registers the passkeys that the charter then shows.
testMainJob(getRegistry);
testBadInput(getRegistry);
describeCharter(getRegistry);
describeProfiles(getRegistry);
describeActs(getRegistry);
describeEvidence(getRegistry);
describePolicy(getRegistry);
describeReadme(getRegistry);
