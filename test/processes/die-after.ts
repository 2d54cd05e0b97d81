import { closeSync, existsSync, openSync, readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";

/**
 * Kills this process with SIGKILL right after the step that `TEST_DIE_AFTER` names, once: the file `TEST_DIE_MARKER` remembers that it has
 * happened, so that the restarted process lives. With `TEST_DIE_ACTS` it waits until as many acts have come to that step, so that one kill
 * meets all of them there.
 */
export function dieAfter(environment: NodeJS.ProcessEnv): (step: string, act?: string) => void | Promise<void> {
  const { TEST_DIE_AFTER: wanted, TEST_DIE_MARKER: marker, TEST_DIE_ACTS: acts = "1" } = environment;
  const arrived = new Set<string>();
  return (step, act = "") => {
    if (step !== wanted || marker === undefined || existsSync(marker)) return;
    arrived.add(act);
    if (arrived.size < Number(acts)) return new Promise(() => undefined);
    closeSync(openSync(marker, "wx"));
    process.kill(process.pid, "SIGKILL");
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
