import { z } from "zod";

/** A person's text that is stored and hashed. Canonical JSON does not allow lone surrogates, and Postgres does not allow NUL. */
export function buildSentenceSchema(what: string, empty: string) {
  return z
    .string()
    .trim()
    .min(1, empty)
    .max(500, `${what} may have at most 500 characters.`)
    .refine((text) => text.isWellFormed() && !text.includes("\0"), `${what} must be well-formed Unicode without NUL.`);
}
