import { z } from "zod";

/** Text of a person that is stored and hashed. Canonical JSON refuses half a surrogate pair, and Postgres refuses NUL. */
export function buildSentenceSchema(what: string, empty: string) {
  return z
    .string()
    .trim()
    .min(1, empty)
    .max(500, `${what} has at most 500 characters.`)
    .refine((text) => text.isWellFormed() && !text.includes("\0"), `${what} is well-formed Unicode without NUL.`);
}
