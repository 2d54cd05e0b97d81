import { toCanonicalText } from "../../domain/bytes/canonical.js";

/** Formats every JSON object that a job stores: canonical JSON (RFC 8785) and a line feed, so equal content has equal bytes. */
export function toStoredJson(value: object): Buffer {
  return Buffer.from(`${toCanonicalText(value)}\n`, "utf8");
}
