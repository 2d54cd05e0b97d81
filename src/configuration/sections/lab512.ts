import { z } from "zod";
import { buildCountSchema, buildRequiredText, describeSetting } from "../environment.js";
import { infraSettings } from "./infra.js";
import { operatorSettings } from "./lab256-plane.js";
import { logSettings, pushedMetricsSettings, traceSettings } from "./observability.js";
import { storeSettings } from "./store.js";
import { temporalSettings } from "./temporal.js";

/** The Runner's settings. It has no database address, and no private keys except its own. */
export const lab512Settings = z
  .object({
    ...temporalSettings,
    ...operatorSettings,
    ...infraSettings,
    OGR_RECEIPT_KEY_FILE: describeSetting(
      buildRequiredText("the Runner's own signing key (PKCS #8 PEM)"),
      "its own key (PKCS #8 PEM, mode 0600)",
    ),
    OGR_GIT_KEY_FILE: describeSetting(
      buildRequiredText("the key that signs the Runner's commits and tags (PKCS #8 PEM)"),
      "its key for commits and tags, which the tenants' charters name (PKCS #8 PEM, mode 0600)",
    ),
    OGR_ALLOWLIST_FILE: describeSetting(
      buildRequiredText("the Runner's allowlist (jobs.allowlist.json)"),
      "its allowlist, of the form of `config/jobs.allowlist.json`",
    ),
    OGR_WORK_DIRECTORY: describeSetting(
      buildRequiredText("a folder for the Runner's cache, safe to delete at any time"),
      "its cache, of this process alone; can be deleted",
    ),
    OGR_RUNNER_SLOTS: describeSetting(buildCountSchema(16, 1000), "acts at the same time"),
    OGR_PULL_API_URL: describeSetting(
      z.url("Write the api's address.").optional(),
      "for tenants that are served over HTTP: the api; the allowlist must name its `host:port`",
    ),
    OGR_PULL_TOKENS_FILE: describeSetting(
      z.string().optional(),
      "with `OGR_PULL_API_URL`: JSON {tenant: token}; update the api before the Runner",
    ),
    OGR_PULL_EVERY_MS: describeSetting(buildCountSchema(1000, 600_000), "milliseconds between two pulls"),
    ...logSettings,
    ...pushedMetricsSettings,
    ...traceSettings,
  })
  .and(storeSettings);

export type Lab512Settings = z.infer<typeof lab512Settings>;
