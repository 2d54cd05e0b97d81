import { z } from "zod";
import { parseJson } from "../domain/json.js";

/** Parses JSON text into an unknown value. Malformed text is reported as a problem of the value, not thrown. */
export const jsonText = z.string().transform((text, context): unknown => {
  const value = parseJson(text);
  if (value === undefined) context.addIssue({ code: "custom", message: "This is not JSON." });
  return value;
});
