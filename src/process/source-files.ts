import { fileURLToPath } from "node:url";

/** A file of this repository, from its root: the same for the sources and for what the build made of them. */
export function resolveSourceFile(path: string): string {
  return fileURLToPath(new URL(`../../${path}`, import.meta.url));
}
