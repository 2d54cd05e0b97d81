import { z } from "zod";
import type { StoreConfig } from "../storage/open.js";
import { countSchema, requiredText } from "./environment.js";

/** The object store, by environment: `OGR_STORE` is `s3` (with `OGR_S3_*`) or `directory` (with `OGR_STORE_DIRECTORY`). */
const s3Schema = z.object({
  OGR_STORE: z.literal("s3"),
  OGR_S3_ENDPOINT: z.url("Write the store's address, such as `http://127.0.0.1:9000`."),
  OGR_S3_REGION: z.string().default("us-east-1"),
  OGR_S3_ACCESS_KEY: requiredText("the access key of this plane"),
  OGR_S3_SECRET_KEY: requiredText("the secret key of this plane"),
  OGR_S3_SESSION_TOKEN: z.string().optional(),
  OGR_S3_BUCKET_PREFIX: z
    .string()
    .regex(/^[a-z0-9-]{0,30}$/, "Write at most 30 lower-case letters, digits or `-`.")
    .optional(),
  OGR_S3_REQUEST_TIMEOUT_MS: countSchema(30_000, 600_000),
});
const directorySchema = z.object({
  OGR_STORE: z.literal("directory"),
  OGR_STORE_DIRECTORY: requiredText("the folder that holds the objects"),
});
export const storeEnvironmentSchema = z.discriminatedUnion("OGR_STORE", [s3Schema, directorySchema], "Set it to `s3` or `directory`.");

export function storeConfigOf(environment: z.infer<typeof storeEnvironmentSchema>): StoreConfig {
  if (environment.OGR_STORE === "directory") return { kind: "directory", path: environment.OGR_STORE_DIRECTORY };
  const { OGR_S3_SESSION_TOKEN: session_token, OGR_S3_BUCKET_PREFIX: bucket_prefix } = environment;
  return {
    kind: "s3",
    endpoint: environment.OGR_S3_ENDPOINT,
    region: environment.OGR_S3_REGION,
    access_key: environment.OGR_S3_ACCESS_KEY,
    secret_key: environment.OGR_S3_SECRET_KEY,
    ...(session_token === undefined ? {} : { session_token }),
    ...(bucket_prefix === undefined ? {} : { bucket_prefix }),
    request_timeout_ms: environment.OGR_S3_REQUEST_TIMEOUT_MS,
  };
}
