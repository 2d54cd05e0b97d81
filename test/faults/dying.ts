import { randomUUID } from "node:crypto";
import { renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { inject } from "vitest";
import type { Lab256Step } from "../../src/lab256/acts/dependencies.js";
import type { JobStep } from "../../src/lab512/jobs/job.js";
import type { RegistryProcess } from "../../src/stack/registry/registry-process.js";
import { PATIENCE_MS } from "../harness/acting.js";
import { resolveTestProcess } from "../harness/processes.js";
import type { ServedRegistry, TestRegistry } from "../harness/registry.js";
import type { Death, KillPlan } from "../processes/die-after.js";

export const DYING_RUNNER = resolveTestProcess("lab512-dying", inject("servers").built);
const DYING_LAB_256 = resolveTestProcess("lab256-dying", inject("servers").built);

/** The process id of each registry's Runner that kills itself by a plan. */
const dyingRunnerPids = new WeakMap<ServedRegistry, number>();

/** Starts a Runner that kills itself once an act has completed the step `when`, or once each act in `when` has completed its step. */
export async function startDyingRunner(registry: ServedRegistry, when: string | Readonly<Record<string, JobStep>>): Promise<void> {
  if (dyingRunnerPids.get(registry) !== registry.lab512.pid) {
    await registry.lab512.stop();
    await startRunnerWithPlan(registry);
  }
  const death: Death = typeof when === "string" ? { step: when, acts: 1 } : { steps: when };
  writeWholeFile(resolvePlanPath(registry), death);
}

async function startRunnerWithPlan(registry: ServedRegistry): Promise<void> {
  await registry.lab512.start({ entry: DYING_RUNNER, env: { TEST_DIE_PLAN: resolvePlanPath(registry) } });
  dyingRunnerPids.set(registry, registry.lab512.pid);
}

const resolvePlanPath = (registry: ServedRegistry) => join(registry.dataDir, "death-of-the-runner.json");

/** Replaces the file atomically, so that no reader sees a part of it. */
function writeWholeFile(path: string, plan: object): void {
  writeFileSync(`${path}.new`, JSON.stringify(plan));
  renameSync(`${path}.new`, path);
}

/** The step at which LAB 256 is killed, by workflow id. */
export type StepsOfActs = Readonly<Record<string, Lab256Step>>;

/** A worker of LAB 256 that kills itself once every act of its plan is at its step. */
export class DyingLab256 {
  private readonly path: string;

  constructor(
    private readonly registry: TestRegistry,
    private steps: StepsOfActs = {},
    /** The workflow type whose flows wait for a later process unless they are in the plan. */
    private readonly parked?: string,
  ) {
    this.path = join(registry.dataDir, `kill-${randomUUID()}.json`);
    this.write({ steps, complete: false, parked });
  }

  /** Replaces the running process. The new one schedules no housekeeping, which the test starts itself. */
  async start(): Promise<void> {
    await this.registry.lab256.stop();
    await this.registry.lab256.start({ entry: DYING_LAB_256, env: { TEST_DIE_PLAN: this.path, OGR_HOUSEKEEPING_EVERY_S: "86400" } });
  }

  /** Adds the last acts of the plan. Call it before the last of them can reach its step. */
  complete(steps: StepsOfActs): void {
    this.steps = { ...this.steps, ...steps };
    this.write({ steps: this.steps, complete: true, parked: this.parked });
  }

  private write(plan: KillPlan): void {
    writeWholeFile(this.path, plan);
  }
}

/** Waits until the worker has killed itself. @throws if it does not or exits in another way. */
export async function waitUntilDead<N extends "lab256" | "lab512">(registry: Readonly<Record<N, RegistryProcess>>, name: N): Promise<void> {
  const exit = await Promise.race([registry[name].exited, delay(PATIENCE_MS, undefined, { ref: false })]);
  const what = exit === undefined ? "is still running: not every act reached its step" : "exited by itself";
  if (exit?.signal !== "SIGKILL") throw new Error(`${name} ${what}:\n${registry[name].readLogTail(40)}`);
}

/** Waits until the Runner has killed itself and starts the next one, which also reads the plan. */
export async function reviveRunner(registry: ServedRegistry): Promise<void> {
  await waitUntilDead(registry, "lab512");
  await startRunnerWithPlan(registry);
}
