import { randomBytes } from "node:crypto";
import { inject } from "vitest";
import { ensureNamespace } from "../../src/stack/servers/temporal-namespace.js";

/**
 * Creates a Temporal namespace with these search attributes for one test file and waits until the server serves it. Returns its name.
 * `name` only helps to recognise it.
 */
export async function createNamespace(name: string, searchAttributes: readonly string[] = []): Promise<string> {
  const unique = `${name}-${randomBytes(4).toString("hex")}`;
  await ensureNamespace({ address: inject("servers").temporal_address }, unique, searchAttributes);
  return unique;
}
