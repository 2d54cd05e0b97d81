import { z } from "zod";
import { buildCountSchema, buildRequiredText, describeSetting } from "../environment.js";
import { databaseSettings } from "./database.js";
import { infraSettings } from "./infra.js";
import { lab256PlaneSettings, operatorSettings } from "./lab256-plane.js";
import { logSettings, metricsSettings, traceSettings } from "./observability.js";
import { storeSettings } from "./store.js";
import { temporalSettings } from "./temporal.js";

/** The settings of LAB 256's worker. */
export const lab256Settings = z
  .object({
    ...temporalSettings,
    ...databaseSettings,
    ...lab256PlaneSettings,
    ...operatorSettings,
    ...infraSettings,
    OGR_RP_ORIGINS: describeSetting(
      buildRequiredText("the origins that step-up is made from, separated by commas"),
      "origins for step-up, separated by commas: those of the api",
    ),
    OGR_HOUSEKEEPING_EVERY_S: describeSetting(buildCountSchema(30, 86_400), "seconds between sweeps of permits and anchors"),
    OGR_WEBHOOK_RECEIVERS: describeSetting(
      z.enum(["public", "any"], "Write `public` or `any`.").default("public"),
      "where events are brought: `public` is over TLS to public addresses, `any` wherever a webhook says",
    ),
    OGR_TELEMETRY_EVERY_S: describeSetting(
      buildCountSchema(60, 3_600),
      "seconds between looks for finished acts whose telemetry is to be committed ([telemetry](telemetry.md))",
    ),
    ...logSettings,
    ...metricsSettings,
    ...traceSettings,
  })
  .and(storeSettings);
