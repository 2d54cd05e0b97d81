import { readFile } from "node:fs/promises";
import { resolveSourceFile } from "../../process/source-files.js";

/** Reads the default policy of this release. */
export function readDefaultPolicy(): Promise<Uint8Array> {
  return readFile(resolveSourceFile("policies/policy.wasm"));
}
