import { randomUUID } from "node:crypto";
import { renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { inject } from "vitest";
import type { Lab256Step } from "../../src/lab256/acts/dependencies.js";
import type { JobStep } from "../../src/lab512/jobs/job.js";
import { PATIENCE_MS } from "../harness/acting.js";
import { processOf } from "../harness/processes.js";
import type { TestRegistry } from "../harness/registry.js";
import type { Death, KillPlan } from "../processes/die-after.js";

export const DYING_RUNNER = processOf("lab512-dying", inject("servers").built);
const DYING_LAB_256 = processOf("lab256-dying", inject("servers").built);

/** The Runner of each registry that reads from a file when to die, by its process id. */
const mortals = new WeakMap<TestRegistry, number>();

/** Replaces the Runner by one that kills itself: once an act has completed `when`, or once each of several acts has completed its step. */
export async function startDying(registry: TestRegistry, when: string | Readonly<Record<string, JobStep>>): Promise<void> {
  if (mortals.get(registry) !== registry.lab512.pid) {
    await registry.lab512.stop();
    await startMortal(registry);
  }
  const death: Death = typeof when === "string" ? { step: when, acts: 1 } : { steps: when };
  writeWhole(planOf(registry), death);
}

async function startMortal(registry: TestRegistry): Promise<void> {
  await registry.lab512.start({ entry: DYING_RUNNER, env: { TEST_DIE_PLAN: planOf(registry) } });
  mortals.set(registry, registry.lab512.pid);
}

const planOf = (registry: TestRegistry) => join(registry.data_dir, "death-of-the-runner.json");

/** Replaces the file at once, so that no reader finds half of it. */
function writeWhole(path: string, plan: object): void {
  writeFileSync(`${path}.new`, JSON.stringify(plan));
  renameSync(`${path}.new`, path);
}

/** The step of each flow, by workflow id, at which LAB 256 is killed. */
export type StepsOfActs = Readonly<Record<string, Lab256Step>>;

/** A LAB 256 that kills itself once every act of its plan is at its step. */
export class DyingLab256 {
  private readonly path: string;

  constructor(
    private readonly registry: TestRegistry,
    private steps: StepsOfActs = {},
  ) {
    this.path = join(registry.data_dir, `kill-${randomUUID()}.json`);
    this.write({ steps, complete: false });
  }

  /** Starts it in place of the previous process. It schedules no housekeeping, which the test starts itself. */
  async start(): Promise<void> {
    await this.registry.lab256.stop();
    await this.registry.lab256.start({ entry: DYING_LAB_256, env: { TEST_DIE_PLAN: this.path, OGR_HOUSEKEEPING_EVERY_S: "86400" } });
  }

  /** Adds the last acts of the plan. Call it before the last of them can reach its step. */
  complete(steps: StepsOfActs): void {
    this.steps = { ...this.steps, ...steps };
    this.write({ steps: this.steps, complete: true });
  }

  private write(plan: KillPlan): void {
    writeWhole(this.path, plan);
  }
}

/** Waits until the worker has killed itself. @throws if it does not, or ends otherwise. */
export async function died(registry: TestRegistry, name: "lab256" | "lab512"): Promise<void> {
  const exit = await Promise.race([registry[name].exited, delay(PATIENCE_MS, undefined, { ref: false })]);
  const what = exit === undefined ? "is still alive: not every act reached its step" : "ended by itself";
  if (exit?.signal !== "SIGKILL") throw new Error(`${name} ${what}:\n${registry[name].logTail(40)}`);
}

/** Waits until the Runner has killed itself and starts the next one, which can be told to die too. */
export async function revive(registry: TestRegistry): Promise<void> {
  await died(registry, "lab512");
  await startMortal(registry);
}
