import { toCanonicalText } from "../../domain/bytes/canonical.js";

/** Every JSON object that a job stores: canonical JSON (RFC 8785) and one line end, so that equal content is equal bytes. */
export function toStoredJson(value: object): Buffer {
  return Buffer.from(`${toCanonicalText(value)}\n`, "utf8");
}
