import { z } from "zod";
import type { StoreConfig } from "../../storage/open.js";
import { buildRequiredText, describeSecretSetting, describeSetting } from "../environment.js";
import { readConfiguredFile } from "../files.js";

const kindMeaning = "`s3` or `directory`";

/** The object store: `OGR_STORE` is `s3` (with `OGR_S3_*`) or `directory` (with `OGR_STORE_DIRECTORY`). */
const s3Settings = z.object({
  OGR_STORE: describeSetting(z.literal("s3"), kindMeaning),
  OGR_S3_ENDPOINT: describeSetting(
    z.url("Write the store's address, such as `http://127.0.0.1:9000`."),
    "`http://host:port` or `https://host`, no path",
  ),
  OGR_S3_CA_FILE: describeSetting(z.string().optional(), "certificates (PEM) to trust instead of the system's"),
  OGR_S3_REGION: describeSetting(z.string().default("us-east-1"), "its region"),
  OGR_S3_ACCESS_KEY: describeSecretSetting(
    buildRequiredText("the access key of this plane"),
    "of this plane ([permissions](storage.md#permissions))",
  ),
  OGR_S3_SECRET_KEY: describeSecretSetting(buildRequiredText("the secret key of this plane"), "of this plane"),
  OGR_S3_SESSION_TOKEN: describeSecretSetting(z.string().optional(), "with temporary credentials"),
  OGR_S3_BUCKET_PREFIX: describeSetting(
    z
      .string()
      .regex(/^[a-z0-9-]{0,30}$/, "Write at most 30 lower-case letters, digits or `-`.")
      .optional(),
    "before every bucket's name",
  ),
});
const directorySettings = z.object({
  OGR_STORE: describeSetting(z.literal("directory"), kindMeaning),
  OGR_STORE_DIRECTORY: describeSetting(buildRequiredText("the folder that holds the objects"), "the folder"),
});
export const storeSettings = z.discriminatedUnion("OGR_STORE", [s3Settings, directorySettings], "Set it to `s3` or `directory`.");

/** @throws ConfigurationError if the file of certificates cannot be read. */
export function readStoreConfig(settings: z.infer<typeof storeSettings>): StoreConfig {
  if (settings.OGR_STORE === "directory") return { kind: "directory", path: settings.OGR_STORE_DIRECTORY };
  const { OGR_S3_SESSION_TOKEN: session_token, OGR_S3_BUCKET_PREFIX: bucket_prefix, OGR_S3_CA_FILE: ca } = settings;
  return {
    kind: "s3",
    endpoint: settings.OGR_S3_ENDPOINT,
    region: settings.OGR_S3_REGION,
    access_key: settings.OGR_S3_ACCESS_KEY,
    secret_key: settings.OGR_S3_SECRET_KEY,
    ...(ca === undefined ? {} : { ca: readConfiguredFile(ca).toString("utf8") }),
    ...(session_token === undefined ? {} : { session_token }),
    ...(bucket_prefix === undefined ? {} : { bucket_prefix }),
  };
}
