import { afterAll, beforeAll } from "vitest";
import { startTestRegistry, type TestRegistry } from "../harness/registry.js";
import { acts } from "./session/acts.js";
import { evidence } from "./session/evidence.js";
import { profiles } from "./session/profiles.js";

let registry: TestRegistry;

beforeAll(async () => {
  registry = await startTestRegistry({ name: "cli-session" });
});

afterAll(() => registry?.stop());

const started = () => registry;
profiles(started);
acts(started);
evidence(started);
