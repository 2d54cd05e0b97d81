import { fileURLToPath } from "node:url";

/** Resolves a path from the root of this repository or package, for the sources and for their build. */
export function resolveSourceFile(path: string): string {
  return fileURLToPath(new URL(`../../${path}`, import.meta.url));
}
