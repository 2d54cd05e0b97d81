import { readFileSync, statSync } from "node:fs";
import { ConfigurationError } from "./environment.js";

/** @throws ConfigurationError that names the file. */
export function readConfiguredFile(path: string): Buffer {
  return attemptRead(path, () => readFileSync(path));
}

/** Reads a file that only its owner may read. @throws ConfigurationError that names the file and says what to do. */
export function readSecretFile(path: string): Buffer {
  const readable = attemptRead(path, () => statSync(path).mode & 0o077);
  if (readable !== 0) throw new ConfigurationError(`${path} can be read by others; run \`chmod 600\` on it.`);
  return readConfiguredFile(path);
}

/** Runs `read`, and attributes its failure to a file. @throws ConfigurationError that names the file. */
export function attemptRead<T>(path: string, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    throw new ConfigurationError(`${path} cannot be read: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
}
