import { z } from "zod";
import { buildCountSchema, buildRequiredText, describeSecretSetting, describeSetting } from "../environment.js";
import { databaseSettings } from "./database.js";
import { temporalSettings } from "./temporal.js";

/** The settings of the step that creates accounts and databases. */
export const databasesSettings = z.object({
  OGR_POSTGRES_URL: describeSetting(
    buildRequiredText("Postgres as its superuser, without the password (`postgresql://postgres@postgres:5432/postgres`)"),
    "Postgres as its superuser",
  ),
  OGR_POSTGRES_PASSWORD: describeSecretSetting(buildRequiredText("the superuser's password"), "the superuser's password"),
  ...databaseSettings,
  OGR_TEMPORAL_DATABASE_PASSWORD: describeSecretSetting(buildRequiredText("the password of Temporal's own account"), "its password"),
});

/** The settings of founding. It has root credentials; no later process has them. */
export const initSettings = z.object({
  ...temporalSettings,
  ...databaseSettings,
  OGR_TEMPORAL_RETENTION_DAYS: describeSetting(buildCountSchema(30, 3650), "how long Temporal shows what has ended"),
  OGR_S3_ENDPOINT: describeSetting(z.url("Write the store's address, such as `http://minio:9000`."), "the object store"),
  OGR_S3_REGION: describeSetting(z.string().default("us-east-1"), "its region"),
  OGR_S3_ACCESS_KEY: describeSecretSetting(
    buildRequiredText("a key of the store that may create buckets and write into them"),
    "a key that may do everything",
  ),
  OGR_S3_SECRET_KEY: describeSecretSetting(buildRequiredText("the secret of that key"), "its secret"),
  OGR_S3_BUCKET_PREFIX: describeSetting(z.string().default(""), "before every bucket's name"),
  OGR_TENANTS_FILE: describeSetting(
    buildRequiredText("the first tenants and who is in them (YAML, a list)"),
    "the first tenants, as config/compose/tenants.yaml",
  ),
  OGR_RP_ID: describeSetting(z.string().default("localhost"), "the domain of passkeys, written into new charters"),
  OGR_RP_ORIGINS: describeSetting(
    buildRequiredText("the pages that may request approvals (`https://registry.example`), separated by commas"),
    "origins for step-up, separated by commas, written into new charters",
  ),
  OGR_FOUNDING_DIRECTORY: describeSetting(
    buildRequiredText("the operator's own folder"),
    "founding keys and first tokens: the operator's own",
  ),
  OGR_LAB256_DIRECTORY: describeSetting(buildRequiredText("the folder that api and lab256 read"), "keys and public sets for LAB 256"),
  OGR_LAB512_DIRECTORY: describeSetting(buildRequiredText("the folder that lab512 reads"), "key, public sets and allowlist for LAB 512"),
});
export type InitSettings = z.infer<typeof initSettings>;
