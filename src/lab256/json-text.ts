import { z } from "zod";
import { parseJson } from "../domain/json.js";

/** Parses JSON text into an unknown value; malformed text is a problem of the value, not an exception. */
export const jsonText = z.string().transform((text, context): unknown => {
  const value = parseJson(text);
  if (value === undefined) context.addIssue({ code: "custom", message: "This is not JSON." });
  return value;
});
