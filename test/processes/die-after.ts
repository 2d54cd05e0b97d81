import { existsSync, readFileSync, rmSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";

/** When a Runner kills itself: once `acts` acts have completed a step, or once each act has completed its own step. */
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

/** The step at which each flow is held until LAB 256 is killed, by workflow id. If `complete`, no more flows are added. */
export interface KillPlan {
  readonly steps: Readonly<Record<string, string>>;
  readonly complete: boolean;
  /** The workflow type whose flows make no step in this process unless they are in `steps`. */
  readonly parked?: string | undefined;
}

/** A flow of Temporal. */
interface SteppingFlow {
  readonly id: string;
  readonly type: string;
}

/** Holds every flow at its step in the file `TEST_DIE_PLAN`. Kills this process with SIGKILL when all flows of the file are held. */
export function dieTogether(environment: NodeJS.ProcessEnv): (flow: SteppingFlow, step: string) => void | Promise<void> {
  const { TEST_DIE_PLAN: path = "" } = environment;
  const arrived = new Set<string>();
  return ({ id, type }, step) => {
    // Some flows get their ids only after this process has started, so the file grows.
    const { steps, complete, parked } = JSON.parse(readFileSync(path, "utf8")) as KillPlan;
    // Temporal retries a held step after ten seconds. The retry must not run, since another flow may have to do the same work.
    if (arrived.has(id) || (type === parked && !(id in steps))) return new Promise(() => undefined);
    if (steps[id] !== step) return;
    arrived.add(id);
    process.stderr.write(`${id} is held ${step}, ${arrived.size} of ${Object.keys(steps).length}\n`);
    if (complete && arrived.size === Object.keys(steps).length) process.kill(process.pid, "SIGKILL");
    return new Promise(() => undefined);
  };
}

/** Holds the act `TEST_HOLD_ACT` after its claim until the file `TEST_HOLD_UNTIL` exists. */
export function holdAfterClaim(environment: NodeJS.ProcessEnv): (step: string, act: string) => Promise<void> {
  const { TEST_HOLD_ACT: held, TEST_HOLD_UNTIL: until } = environment;
  return async (step, act) => {
    while (act === held && step === "claimed" && until !== undefined && !existsSync(until)) await delay(50);
  };
}
