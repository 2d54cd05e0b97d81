import { existsSync, readFileSync, rmSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";

/** When a Runner kills itself: once `acts` acts have completed a step, or once each of these acts has completed its own step. */
export type Death = { readonly step: string; readonly acts: number } | { readonly steps: Readonly<Record<string, string>> };

/**
 * Holds every act that completes its step in the file `TEST_DIE_PLAN`. Kills this process with SIGKILL when the last of them
 * arrives, and removes the file. Does nothing without the file.
 */
export function dieAfter(environment: NodeJS.ProcessEnv): (step: string, act: string) => void | Promise<void> {
  const { TEST_DIE_PLAN: path = "" } = environment;
  const arrived = new Set<string>();
  return (step, act) => {
    if (!existsSync(path)) return;
    const death = JSON.parse(readFileSync(path, "utf8")) as Death;
    const [deadly, acts] = "steps" in death ? [death.steps[act], Object.keys(death.steps).length] : [death.step, death.acts];
    if (deadly !== step) return;
    arrived.add(act);
    if (arrived.size < acts) return new Promise(() => undefined);
    rmSync(path);
    process.kill(process.pid, "SIGKILL");
    return new Promise(() => undefined);
  };
}

/** The step at which each act is held until LAB 256 is killed. `complete` says that no further act is added. */
export interface KillPlan {
  readonly steps: Readonly<Record<string, string>>;
  readonly complete: boolean;
}

/** Holds every act at its step in the file `TEST_DIE_PLAN`. Kills this process with SIGKILL when all acts of the file are held. */
export function dieTogether(environment: NodeJS.ProcessEnv): (act: string, step: string) => void | Promise<void> {
  const { TEST_DIE_PLAN: path = "" } = environment;
  const arrived = new Set<string>();
  return (act, step) => {
    // Some acts get their ids only after this process has started, so the file grows.
    const { steps, complete } = JSON.parse(readFileSync(path, "utf8")) as KillPlan;
    if (steps[act] !== step) return;
    arrived.add(act);
    process.stderr.write(`${act} is held ${step}, ${arrived.size} of ${Object.keys(steps).length}\n`);
    if (complete && arrived.size === Object.keys(steps).length) process.kill(process.pid, "SIGKILL");
    return new Promise(() => undefined);
  };
}

/** Holds the act `TEST_HOLD_ACT` after its claim until the file `TEST_HOLD_UNTIL` exists. */
export function holdUp(environment: NodeJS.ProcessEnv): (step: string, act: string) => Promise<void> {
  const { TEST_HOLD_ACT: held, TEST_HOLD_UNTIL: until } = environment;
  return async (step, act) => {
    while (act === held && step === "claimed" && until !== undefined && !existsSync(until)) await delay(50);
  };
}
