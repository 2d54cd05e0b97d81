import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

/**
 * The arguments with which Node runs one of our own modules: `path` as it is when the build made it, else its
 * TypeScript source through tsx's loader (never the `tsx` command, which opens a socket). Independent of the folder
 * that the child is started in.
 */
export function buildNodeArguments(path: string): string[] {
  if (path.endsWith(".js") && existsSync(path)) return [path];
  const loader = pathToFileURL(createRequire(import.meta.url).resolve("tsx")).href;
  return ["--import", loader, path.replace(/\.js$/, ".ts")];
}
