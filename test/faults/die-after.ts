import { closeSync, openSync } from "node:fs";

/**
 * Kills this process with SIGKILL right after the step that `OGR_DIE_AFTER` names, once: the file `OGR_DIE_MARKER` remembers that it has
 * happened, so that the restarted process lives.
 */
export function dieAfter(environment: NodeJS.ProcessEnv): (step: string) => void {
  const { OGR_DIE_AFTER: wanted, OGR_DIE_MARKER: marker } = environment;
  return (step) => {
    if (step !== wanted || marker === undefined || !isFirst(marker)) return;
    process.kill(process.pid, "SIGKILL");
  };
}

function isFirst(marker: string): boolean {
  try {
    closeSync(openSync(marker, "wx"));
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}
