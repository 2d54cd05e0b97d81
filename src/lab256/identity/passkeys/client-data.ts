import { z } from "zod";

const clientDataSchema = z.object({ challenge: z.string().max(1024), crossOrigin: z.boolean().default(false) });

/** The members of collected client data (WebAuthn Level 3 §5.8.1) that are looked at before the library verifies all of it. */
type ClientData = z.infer<typeof clientDataSchema>;

/** `undefined` when these base64url bytes are no client data. */
export function parseClientData(encoded: string): ClientData | undefined {
  try {
    return clientDataSchema.parse(JSON.parse(Buffer.from(encoded, "base64url").toString("utf8")));
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof z.ZodError) return undefined;
    throw error;
  }
}

const REASON_CHARACTERS_MAX = 300;

/** Which check failed, from the library's exception, without the final stop; bounded, as it repeats what the sender wrote. */
export function formatFailedCheck(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.slice(0, REASON_CHARACTERS_MAX).replace(/\.$/, "");
}
