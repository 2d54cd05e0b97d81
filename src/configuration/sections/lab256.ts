import { z } from "zod";
import { TELEMETRY_BATCH_MAX_LINES } from "../../domain/act/job.js";
import { buildCountSchema, buildRequiredText, describeSetting } from "../environment.js";
import { databaseSettings } from "./database.js";
import { infraSettings } from "./infra.js";
import { foundingSettings, lab256PlaneSettings } from "./lab256-plane.js";
import { logSettings, metricsSettings, traceSettings } from "./observability.js";
import { storeSettings } from "./store.js";
import { temporalSettings } from "./temporal.js";

/** All that LAB 256's worker is told. */
export const lab256Settings = z
  .object({
    ...temporalSettings,
    ...databaseSettings,
    ...lab256PlaneSettings,
    ...foundingSettings,
    ...infraSettings,
    OGR_RP_ORIGINS: describeSetting(
      buildRequiredText("the origins that step-up is made from, separated by commas"),
      "origins for step-up, separated by commas: those of the api",
    ),
    OGR_HOUSEKEEPING_EVERY_S: describeSetting(buildCountSchema(30, 86_400), "seconds between sweeps of permits and anchors"),
    OGR_CACHED_WORKFLOWS: describeSetting(buildCountSchema(128, 100_000), "flows kept in memory; size it by memory"),
    OGR_WEBHOOK_RECEIVERS: describeSetting(
      z.enum(["public", "any"], "Write `public` or `any`.").default("public"),
      "where events are brought: `public` is over TLS to public addresses, `any` wherever a webhook says",
    ),
    OGR_TELEMETRY_EVERY_S: describeSetting(
      buildCountSchema(60, 3_600),
      "seconds between looks for finished acts whose telemetry is to be committed ([telemetry](telemetry.md))",
    ),
    OGR_TELEMETRY_LINES: describeSetting(buildCountSchema(1_000, TELEMETRY_BATCH_MAX_LINES), "lines of telemetry in one commit, at most"),
    OGR_DATABASE_CONNECTIONS: describeSetting(buildCountSchema(20, 1000), "connections at most"),
    ...logSettings,
    ...metricsSettings,
    ...traceSettings,
  })
  .and(storeSettings);
