import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** The modules that only tests start as processes, in the place of ours. */
export const PROCESSES = fileURLToPath(new URL("../processes", import.meta.url));

/** Where they lie in a build, beside whose modules they run. */
export function resolveBuiltProcesses(built: string): string {
  return join(built, "test-processes");
}

/** One of them, such as `lab512-dying`: compiled where there is a build, else its source. */
export function resolveTestProcess(name: string, built: string | undefined): string {
  return built === undefined ? join(PROCESSES, `${name}.main.ts`) : join(resolveBuiltProcesses(built), `${name}.main.js`);
}
