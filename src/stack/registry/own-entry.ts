import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

/**
 * Builds the arguments with which Node runs one of our own modules: `path` itself if it is a built file, otherwise its TypeScript source
 * through tsx's loader (never the `tsx` command, which opens a socket). Does not depend on the folder in which the child is started.
 */
export function buildNodeArguments(path: string): string[] {
  if (path.endsWith(".js") && existsSync(path)) return [path];
  const loader = pathToFileURL(createRequire(import.meta.url).resolve("tsx")).href;
  return ["--import", loader, path.replace(/\.js$/, ".ts")];
}
