import { z } from "zod";

/** Parses JSON text into an unknown value; malformed text is a problem of the value, not an exception. */
export const jsonText = z.string().transform((text, context): unknown => {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    context.addIssue({ code: "custom", message: "This is not JSON." });
    return z.NEVER;
  }
});
