import { existsSync, readFileSync, rmSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";

/** The step that kills the process, as soon as `acts` acts have completed it: one kill meets all of them there. */
export interface Death {
  readonly step: string;
  readonly acts: number;
}

/**
 * Holds every act that completes the step that the file `TEST_DIE_PLAN` names, and kills this process with SIGKILL when enough of them are
 * there; the file goes with it. Without the file nobody dies.
 */
export function dieAfter(environment: NodeJS.ProcessEnv): (step: string, act: string) => void | Promise<void> {
  const { TEST_DIE_PLAN: path = "" } = environment;
  const arrived = new Set<string>();
  return (step, act) => {
    if (!existsSync(path)) return;
    const death = JSON.parse(readFileSync(path, "utf8")) as Death;
    if (death.step !== step) return;
    arrived.add(act);
    if (arrived.size < death.acts) return new Promise(() => undefined);
    rmSync(path);
    process.kill(process.pid, "SIGKILL");
    return new Promise(() => undefined);
  };
}

/** Which act is to be at which of its steps when the process is killed; `complete` once no act more comes. */
export interface KillPlan {
  readonly steps: Readonly<Record<string, string>>;
  readonly complete: boolean;
}

/** Holds every act at the step that the file `TEST_DIE_PLAN` has for it, and kills this process with SIGKILL when all of them are there. */
export function dieTogether(environment: NodeJS.ProcessEnv): (act: string, step: string) => void | Promise<void> {
  const { TEST_DIE_PLAN: path = "" } = environment;
  const arrived = new Set<string>();
  return (act, step) => {
    // It is read anew each time: some acts get their ids only once this process works.
    const { steps, complete } = JSON.parse(readFileSync(path, "utf8")) as KillPlan;
    if (steps[act] !== step) return;
    arrived.add(act);
    process.stderr.write(`${act} is held ${step}, ${arrived.size} of ${Object.keys(steps).length}\n`);
    if (complete && arrived.size === Object.keys(steps).length) process.kill(process.pid, "SIGKILL");
    return new Promise(() => undefined);
  };
}

/** Holds the act `TEST_HOLD_ACT` up after its claim, until the file `TEST_HOLD_UNTIL` is there. */
export function holdUp(environment: NodeJS.ProcessEnv): (step: string, act: string) => Promise<void> {
  const { TEST_HOLD_ACT: held, TEST_HOLD_UNTIL: until } = environment;
  return async (step, act) => {
    while (act === held && step === "claimed" && until !== undefined && !existsSync(until)) await delay(50);
  };
}
