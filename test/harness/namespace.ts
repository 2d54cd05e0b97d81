import { randomBytes } from "node:crypto";
import { inject } from "vitest";
import { ensureNamespace, type SearchAttributeTypes } from "../../src/stack/servers/temporal-namespace.js";

/**
 * Creates a fresh Temporal namespace for one test file with these search attributes, waits until the server knows all
 * of it, and answers its name; `name` only makes it recognisable.
 */
export async function createNamespace(name: string, searchAttributes: SearchAttributeTypes = {}): Promise<string> {
  const unique = `${name}-${randomBytes(4).toString("hex")}`;
  await ensureNamespace(inject("servers").temporal_address, unique, searchAttributes);
  return unique;
}
