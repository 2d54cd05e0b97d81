import { z } from "zod";
import { buildCountSchema, describeSetting, portSchema } from "../environment.js";
import { databaseSettings } from "./database.js";
import { infraSettings } from "./infra.js";
import { lab256PlaneSettings, operatorSettings } from "./lab256-plane.js";
import { logSettings, metricsSettings, traceSettings } from "./observability.js";
import { storeSettings } from "./store.js";
import { temporalSettings } from "./temporal.js";

const originsSchema = z
  .string()
  .transform((text) => text.split(",").map((origin) => origin.trim()))
  .refine(
    (origins) => origins.every((origin) => URL.canParse(origin) && new URL(origin).origin === origin),
    "Write origins such as `https://registry.example`, separated by commas.",
  );

export const apiSettings = z
  .object({
    ...temporalSettings,
    ...databaseSettings,
    ...lab256PlaneSettings,
    ...operatorSettings,
    ...infraSettings,
    OGR_RP_ORIGINS: describeSetting(
      originsSchema.optional(),
      "origins for step-up, separated by commas; without: the public URL, else its own",
    ),
    OGR_API_HOST: describeSetting(z.string().default("127.0.0.1"), "where it listens"),
    OGR_API_PORT: describeSetting(portSchema.default(0), "where it listens; 0 takes any free port"),
    OGR_PUBLIC_URL: describeSetting(
      z.url("Write the address that clients use, such as `https://registry.example`.").optional(),
      "the address that answers name; without: its own",
    ),
    OGR_TEMPORAL_UI_URL: describeSetting(z.url("Write the address of Temporal's UI.").optional(), "for `temporal_url`; null without"),
    OGR_ACTS_MAX: describeSetting(buildCountSchema(64, 10_000), "acts begun here that have not ended yet"),
    ...logSettings,
    ...metricsSettings,
    ...traceSettings,
  })
  .and(storeSettings);

export type ApiSettings = z.infer<typeof apiSettings>;
