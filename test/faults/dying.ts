import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { TestRegistry } from "../harness/registry.js";

export const DYING_RUNNER = fileURLToPath(new URL("lab512-dying.main.ts", import.meta.url));
const DYING_LAB_256 = fileURLToPath(new URL("lab256-dying.main.ts", import.meta.url));

/** Puts in the place of a worker one that kills itself once `acts` acts have completed a step. */
export async function startDying(registry: TestRegistry, name: "lab256" | "lab512", step: string, acts = 1): Promise<void> {
  const marker = join(registry.data_dir, `died-${randomUUID()}`);
  await registry[name].stop();
  await registry[name].start({
    entry: name === "lab256" ? DYING_LAB_256 : DYING_RUNNER,
    env: { OGR_DIE_AFTER: step, OGR_DIE_MARKER: marker, OGR_DIE_ACTS: String(acts) },
  });
}

/** Waits until the worker has killed itself. */
export async function died(registry: TestRegistry, name: "lab256" | "lab512"): Promise<void> {
  const { signal } = await registry[name].exited;
  if (signal !== "SIGKILL") throw new Error(`${name} ended by itself: ${registry[name].logTail(20)}`);
}

/** Waits until the worker has killed itself, and starts the usual one in its place. */
export async function revive(registry: TestRegistry, name: "lab256" | "lab512"): Promise<void> {
  await died(registry, name);
  await registry[name].start();
}
