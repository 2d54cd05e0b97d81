import { z } from "zod";
import { parseWith } from "../../domain/problems.js";
import type { ObjectStore } from "../../storage/ports.js";

/** Text that a parser refuses is a problem of the value like any other. */
const jsonSchema = z.string().transform((text, context): unknown => {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    context.addIssue({ code: "custom", message: "It is not JSON." });
    return z.NEVER;
  }
});

/**
 * The JSON object at this key; undefined when it is absent or is not what `schema` says. For what sweeps: one damaged object must not
 * keep it from all the others.
 */
export async function readStoredJson<T>(store: ObjectStore, key: string, schema: z.ZodType<T>): Promise<T | undefined> {
  const bytes = await store.blobs.get(key);
  if (bytes === undefined) return undefined;
  const json = parseWith(jsonSchema, Buffer.from(bytes).toString("utf8"));
  const parsed = json.ok ? parseWith(schema, json.value) : json;
  return parsed.ok ? parsed.value : undefined;
}
