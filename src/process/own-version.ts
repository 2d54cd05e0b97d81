import { readFileSync } from "node:fs";
import { z } from "zod";
import { resolveSourceFile } from "./source-files.js";

/** Returns the release of this software. */
export function readOwnVersion(): string {
  return z.looseObject({ version: z.string() }).parse(JSON.parse(readFileSync(resolveSourceFile("package.json"), "utf8"))).version;
}
