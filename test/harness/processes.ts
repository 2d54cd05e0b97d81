import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** The folder of the modules that tests start as processes. */
export const PROCESSES = fileURLToPath(new URL("../processes", import.meta.url));

/** Returns their folder in a build. */
export function resolveBuiltProcesses(built: string): string {
  return join(built, "test-processes");
}

/** Returns the path of one of them, such as `lab512-dying`: compiled if there is a build, or else its source. */
export function resolveTestProcess(name: string, built: string | undefined): string {
  return built === undefined ? join(PROCESSES, `${name}.main.ts`) : join(resolveBuiltProcesses(built), `${name}.main.js`);
}
