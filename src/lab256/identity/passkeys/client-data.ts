import { z } from "zod";
import { parseJson } from "../../../domain/json.js";

const clientDataSchema = z.object({ challenge: z.string().max(1024), crossOrigin: z.boolean().default(false) });

/** The members of collected client data (WebAuthn Level 3 §5.8.1) that are read before the library verifies the whole. */
type ClientData = z.infer<typeof clientDataSchema>;

/** Parses base64url client data. Returns undefined if it is malformed. */
export function parseClientData(encoded: string): ClientData | undefined {
  return clientDataSchema.safeParse(parseJson(Buffer.from(encoded, "base64url").toString("utf8"))).data;
}

const REASON_CHARACTERS_MAX = 300;

/**
 * Formats the failed check from the library's exception, without the final period. The text is truncated because it repeats the sender's
 * input.
 */
export function formatFailedCheck(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.slice(0, REASON_CHARACTERS_MAX).replace(/\.$/, "");
}
