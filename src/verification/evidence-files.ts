import type { z } from "zod";
import { toCanonicalText } from "../domain/bytes/canonical.js";
import { parseJsonBytes } from "../domain/json.js";
import { parseWith } from "../domain/problems.js";
import type { ObjectStore } from "../storage/ports.js";
import { failAt } from "./failure.js";

/** The files of a verification by the keys of the object store. Every fault names the file. */
export class EvidenceFiles {
  constructor(readonly store: ObjectStore) {}

  /** @throws VerificationFailure if it is missing */
  async read(key: string): Promise<Uint8Array> {
    return (await this.find(key)) ?? failAt(key, "", "It is missing.");
  }

  find(key: string): Promise<Uint8Array | undefined> {
    return this.store.blobs.get(key);
  }

  /** Reads canonical JSON of this form, followed by `end`. @throws VerificationFailure */
  async readJson<T>(key: string, schema: z.ZodType<T>, end: "" | "\n" = ""): Promise<T> {
    const bytes = await this.read(key);
    const parsed = parseWith(schema, parseJsonBytes(bytes));
    if (!parsed.ok) {
      const [first] = parsed.problems;
      return failAt(key, first?.field ?? "", first?.problem ?? "It is malformed.");
    }
    // A file has exactly one spelling, so no member of it can be read in two ways.
    if (!Buffer.from(`${toCanonicalText(parsed.value)}${end}`, "utf8").equals(bytes))
      failAt(key, "", "Its bytes are not the canonical JSON (RFC 8785) that the registry writes.");
    return parsed.value;
  }

  async list(prefix: string): Promise<string[]> {
    const keys: string[] = [];
    for await (const key of this.store.blobs.list(prefix)) keys.push(key);
    return keys;
  }
}
