import { z } from "zod";

const CONTEXT_MAX_BYTES = 16_384;
const CONTEXT_MAX_DEPTH = 32;

/**
 * Returns why `value` cannot be hashed and stored, or undefined. RFC 8785 does not allow lone surrogates, Postgres does not allow NUL,
 * and deep nesting overflows the stack of code that walks JSON.
 */
function checkContextJson(value: unknown, depth: number): string | undefined {
  if (value === null || typeof value === "boolean") return undefined;
  if (typeof value === "number") return Number.isFinite(value) ? undefined : "Every number in the context must be finite.";
  if (typeof value === "string")
    return value.isWellFormed() && !value.includes("\0") ? undefined : "Text in the context must be well-formed Unicode without NUL.";
  if (typeof value !== "object") return "The context must be plain JSON.";
  if (depth > CONTEXT_MAX_DEPTH) return `The context may be nested at most ${CONTEXT_MAX_DEPTH} levels deep.`;
  for (const [key, member] of Object.entries(value)) {
    const problem = checkContextJson(key, depth) ?? checkContextJson(member, depth + 1);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

function checkContext(context: Record<string, unknown>): string | undefined {
  const problem = checkContextJson(context, 1);
  if (problem !== undefined) return problem;
  return Buffer.byteLength(JSON.stringify(context)) > CONTEXT_MAX_BYTES ? "The context may have at most 16 KiB." : undefined;
}

/** Arbitrary data of the caller, stored with the card. No decision depends on it. Source: ADR-002 §10. */
export const contextSchema = z.record(z.string().max(100), z.unknown()).superRefine((context, refinement) => {
  const problem = checkContext(context);
  if (problem !== undefined) refinement.addIssue({ code: "custom", message: problem });
});
