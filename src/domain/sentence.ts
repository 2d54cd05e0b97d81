import { z } from "zod";

/** Free text of a person that is kept and hashed: canonical JSON refuses half a surrogate pair, Postgres refuses NUL. */
export function buildSentenceSchema(what: string, empty: string) {
  return z
    .string()
    .trim()
    .min(1, empty)
    .max(500, `${what} has at most 500 characters.`)
    .refine((text) => text.isWellFormed() && !text.includes("\0"), `${what} is well-formed Unicode without NUL.`);
}
