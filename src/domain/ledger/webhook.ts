import { z } from "zod";

/** Limited, because each webhook has its own flow. */
export const WEBHOOKS_MAX_COUNT = 50;

const RETRIES_MAX_COUNT = 12;
const RETRY_MAX_MS = 86_400_000;

/** `wh-<id>`: 1 to 64 letters, digits, `_` or `-` after `wh-`. */
export const webhookIdSchema = z
  .string()
  .regex(/^wh-[A-Za-z0-9_-]{1,64}$/, "Write a webhook id such as `wh-audit`: `wh-` and 1 to 64 letters, digits, `_` or `-`.");

/** A receiver of a tenant's events, as the tenant's charter names it. Null `types` means every event type of the ledger. */
export const webhookSchema = z.strictObject({
  url: z
    .url("Write the address that receives the events, such as `https://events.example/ogr`.")
    .max(2000, "The address may have at most 2000 characters.")
    .refine((text) => URL.canParse(text) && ["http:", "https:"].includes(new URL(text).protocol), "The address must begin with https://.")
    .refine(
      (text) => URL.canParse(text) && new URL(text).username === "" && new URL(text).password === "",
      "The address must not contain a user name or password.",
    )
    // Software ignores line ends, reads a backslash as a slash and a look-alike host as another one; those who approve read the text.
    .refine(
      (text) => URL.canParse(text) && [text, `${text}/`].includes(new URL(text).href),
      "Write the address as software reads it: in ASCII, with a lower-case host, and without spaces or backslashes.",
    ),
  types: z
    .array(z.string().regex(/^[a-z]+(?:\.[a-z_]+)+$/, "Write an event type such as `receipt.recorded`."))
    .min(1, "Name at least one type, or write null for all.")
    .max(50, "At most 50 types.")
    .nullable(),
  /** The pause after each failed attempt, in milliseconds. The event becomes a dead letter after the last retry. */
  retries_ms: z
    .array(z.int().min(100, "At least 100 ms.").max(RETRY_MAX_MS, "At most a day."))
    .max(RETRIES_MAX_COUNT, `At most ${RETRIES_MAX_COUNT} retries.`),
  disabled: z.boolean(),
});
export type WebhookRecord = z.infer<typeof webhookSchema>;
