import { randomUUID } from "node:crypto";
import { renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { inject } from "vitest";
import type { Lab256Step } from "../../src/lab256/acts/dependencies.js";
import { PATIENCE_MS } from "../harness/acting.js";
import { processOf } from "../harness/processes.js";
import type { TestRegistry } from "../harness/registry.js";
import type { Death, KillPlan } from "../processes/die-after.js";

export const DYING_RUNNER = processOf("lab512-dying", inject("servers").built);
const DYING_LAB_256 = processOf("lab256-dying", inject("servers").built);

/** The mortal Runners of registries by their process: they read when to die from a file. */
const mortals = new WeakMap<TestRegistry, number>();

/** The Runner kills itself once `acts` acts have completed a step; a mortal one is put in the place of the usual one for that. */
export async function startDying(registry: TestRegistry, step: string, acts = 1): Promise<void> {
  if (mortals.get(registry) !== registry.lab512.pid) {
    await registry.lab512.stop();
    await startMortal(registry);
  }
  writeWhole(planOf(registry), { step, acts } satisfies Death);
}

async function startMortal(registry: TestRegistry): Promise<void> {
  await registry.lab512.start({ entry: DYING_RUNNER, env: { TEST_DIE_PLAN: planOf(registry) } });
  mortals.set(registry, registry.lab512.pid);
}

const planOf = (registry: TestRegistry) => join(registry.data_dir, "death-of-the-runner.json");

/** Whoever reads the file finds all of it. */
function writeWhole(path: string, plan: object): void {
  writeFileSync(`${path}.new`, JSON.stringify(plan));
  renameSync(`${path}.new`, path);
}

/** Which act is at which step when LAB 256 is killed: the ids of flows, and their steps. */
export type StepsOfActs = Readonly<Record<string, Lab256Step>>;

/** A LAB 256 that works until every act of its plan is at its step, and is killed then. */
export class DyingLab256 {
  private readonly path: string;

  constructor(
    private readonly registry: TestRegistry,
    private steps: StepsOfActs = {},
  ) {
    this.path = join(registry.data_dir, `kill-${randomUUID()}.json`);
    this.write({ steps, complete: false });
  }

  /** Starts it in the place of the one before, dead or alive. No schedule comes between: what is to be swept waits for the test. */
  async start(): Promise<void> {
    await this.registry.lab256.stop();
    await this.registry.lab256.start({ entry: DYING_LAB_256, env: { TEST_DIE_PLAN: this.path, OGR_HOUSEKEEPING_EVERY_S: "86400" } });
  }

  /** Says that these acts are the last that are killed here. Call it before the last of them can come to its step. */
  complete(steps: StepsOfActs): void {
    this.steps = { ...this.steps, ...steps };
    this.write({ steps: this.steps, complete: true });
  }

  private write(plan: KillPlan): void {
    writeWhole(this.path, plan);
  }
}

/** Waits until the worker has killed itself. */
export async function died(registry: TestRegistry, name: "lab256" | "lab512"): Promise<void> {
  const exit = await Promise.race([registry[name].exited, delay(PATIENCE_MS, undefined, { ref: false })]);
  const what = exit === undefined ? "lives on: not every act came to its step" : "ended by itself";
  if (exit?.signal !== "SIGKILL") throw new Error(`${name} ${what}:\n${registry[name].logTail(40)}`);
}

/** Waits until the Runner has killed itself, and starts one in its place that lives until it is told to die too. */
export async function revive(registry: TestRegistry): Promise<void> {
  await died(registry, "lab512");
  await startMortal(registry);
}
