import { z } from "zod";
import { publicJwkSchema } from "../bytes/jwks.js";

export const RECOVERY_KEYS_MAX = 20;

const HOUR_MS = 60 * 60 * 1000;
const DAY_MS = 24 * HOUR_MS;
const DELAY_MAX_DAYS = 90;

/**
 * Keys that together change a charter after a delay, when its persons no longer can. They are keys of no `use`, and of no other record.
 * Source: contracts "Charter".
 */
export const recoverySchema = z
  .strictObject({
    jwks: z
      .array(publicJwkSchema)
      .min(1, "Write at least one key.")
      .max(RECOVERY_KEYS_MAX, `At most ${RECOVERY_KEYS_MAX} keys.`)
      .refine((jwks) => new Set(jwks.map(({ kid }) => kid)).size === jwks.length, "Write each key once."),
    /** How many of the keys must sign a change. */
    threshold: z.int().positive(),
    delay_ms: z
      .int()
      .min(DAY_MS, "At least 24 hours: people must have the time to object.")
      .max(DELAY_MAX_DAYS * DAY_MS, `At most ${DELAY_MAX_DAYS} days.`),
  })
  .refine(({ jwks, threshold }) => threshold <= jwks.length, { path: ["threshold"], message: "There are fewer keys." });
export type Recovery = z.infer<typeof recoverySchema>;

export function describeRecovery(recovery: Recovery | null): string {
  if (recovery === null) return "no recovery keys";
  const { jwks, threshold, delay_ms } = recovery;
  return `${threshold} of the recovery keys ${jwks.map(({ kid }) => kid).join(", ")} after ${delay_ms / HOUR_MS} h`;
}
