import type { z } from "zod";
import { parseJson } from "../domain/json.js";
import type { ObjectStore } from "../storage/ports.js";

/**
 * Reads the JSON object at `key`. Returns undefined if it is absent, is not JSON or does not match `schema`, because one damaged object
 * must not stop a sweep over many.
 */
export async function readStoredJson<T>(store: ObjectStore, key: string, schema: z.ZodType<T>): Promise<T | undefined> {
  const bytes = await store.blobs.get(key);
  return bytes === undefined ? undefined : schema.safeParse(parseJson(Buffer.from(bytes).toString("utf8"))).data;
}
