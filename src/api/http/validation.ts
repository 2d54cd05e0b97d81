import type { z } from "zod";
import { type FieldProblem, toFieldProblems } from "../../domain/problems.js";

/** The parts of a request that schemas describe. */
const PARTS = { params: "path", querystring: "query", body: "body", headers: "headers" } as const;

/** A request with bad fields, all of which it names. */
export class InvalidRequest extends Error {
  override readonly name = "InvalidRequest";
  readonly statusCode = 400;

  constructor(
    readonly part: (typeof PARTS)[keyof typeof PARTS],
    readonly problems: readonly FieldProblem[],
  ) {
    super(`The ${part} of the request has bad fields.`);
  }
}

type ValidationResult = { readonly value: unknown } | { readonly error: Error };

/** Parses each part of a request once, before the handler sees it. */
export function compileValidator({ schema, httpPart }: { schema: z.ZodType; httpPart?: string }): (data: unknown) => ValidationResult {
  const part = PARTS[(httpPart ?? "body") as keyof typeof PARTS];
  return (data) => {
    // The parser reports a missing body as null.
    const parsed = schema.safeParse(data === null && part === "body" ? undefined : data);
    return parsed.success ? { value: parsed.data } : { error: new InvalidRequest(part, toFieldProblems(parsed.error)) };
  };
}
