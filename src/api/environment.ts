import { z } from "zod";
import { countSchema, portSchema, requiredText } from "../configuration/environment.js";
import { storeEnvironmentSchema } from "../configuration/store.js";
import { temporalEnvironment } from "../configuration/temporal.js";

const originsSchema = z
  .string()
  .transform((text) => text.split(",").map((origin) => origin.trim()))
  .refine(
    (origins) => origins.every((origin) => URL.canParse(origin) && new URL(origin).origin === origin),
    "Write origins such as `https://registry.example`, separated by commas.",
  );

/** All that the api is told. */
export const apiEnvironmentSchema = z
  .object({
    ...temporalEnvironment,
    DATABASE_URL: requiredText("the address of Postgres (`postgresql://…`)"),
    OGR_PERMIT_KEY_FILE: requiredText("the key that signs permits (PKCS #8 PEM)"),
    OGR_STATEMENT_KEY_FILE: requiredText("the key that signs statements (PKCS #8 PEM)"),
    OGR_RECEIPT_JWKS_FILE: requiredText("the Runners' public keys (JWKS)"),
    OGR_FOUNDING_KEYS_FILE: requiredText("the founding keys, a JWKS for each tenant"),
    OGR_RP_ID: z.string().default("localhost"),
    OGR_RP_ORIGINS: originsSchema.optional(),
    OGR_API_HOST: z.string().default("127.0.0.1"),
    OGR_API_PORT: portSchema.default(0),
    OGR_PUBLIC_URL: z.url("Write the address that clients use, such as `https://registry.example`.").optional(),
    OGR_TEMPORAL_UI_URL: z.url("Write the address of Temporal's UI.").optional(),
    OGR_STAGED_MAX_MIB: countSchema(512, 5120),
    OGR_DATABASE_CONNECTIONS: countSchema(10, 200),
    OGR_LOG_LEVEL: z.enum(["trace", "debug", "info", "warn", "error", "silent"]).default("info"),
  })
  .and(storeEnvironmentSchema);
