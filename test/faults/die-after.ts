import { closeSync, existsSync, openSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";

/**
 * Kills this process with SIGKILL right after the step that `OGR_DIE_AFTER` names, once: the file `OGR_DIE_MARKER` remembers that it has
 * happened, so that the restarted process lives. With `OGR_DIE_ACTS` it waits until as many acts have come to that step, so that one kill
 * meets all of them there.
 */
export function dieAfter(environment: NodeJS.ProcessEnv): (step: string, act?: string) => void | Promise<void> {
  const { OGR_DIE_AFTER: wanted, OGR_DIE_MARKER: marker, OGR_DIE_ACTS: acts = "1" } = environment;
  const arrived = new Set<string>();
  return (step, act = "") => {
    if (step !== wanted || marker === undefined || existsSync(marker)) return;
    arrived.add(act);
    if (arrived.size < Number(acts)) return new Promise(() => undefined);
    closeSync(openSync(marker, "wx"));
    process.kill(process.pid, "SIGKILL");
  };
}

/** Holds the act `OGR_HOLD_ACT` up after its claim, until the file `OGR_HOLD_UNTIL` is there. */
export function holdUp(environment: NodeJS.ProcessEnv): (step: string, act: string) => Promise<void> {
  const { OGR_HOLD_ACT: held, OGR_HOLD_UNTIL: until } = environment;
  return async (step, act) => {
    while (act === held && step === "claimed" && until !== undefined && !existsSync(until)) await delay(50);
  };
}
