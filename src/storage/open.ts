import { openDirectoryStore } from "./directory/store.js";
import type { ObjectStore } from "./ports.js";
import { createBuckets } from "./s3/buckets.js";
import type { S3Config } from "./s3/config.js";
import { openS3Store } from "./s3/store.js";

/** Where the store is. A composition root parses it from the environment once. */
export type StoreConfig = ({ kind: "s3" } & S3Config) | { kind: "directory"; path: string };

/**
 * Opens a store. S3: opens no connection yet; throws {@link StorageFault} `misconfigured` for a malformed setting.
 * Directory: creates the root when it is absent, throws `misconfigured` when the folder cannot serve as a store.
 */
export async function openStore(config: StoreConfig): Promise<ObjectStore> {
  return config.kind === "s3" ? openS3Store(config) : openDirectoryStore(config.path);
}

/** Creates the missing buckets; the installation calls it with credentials that may. The directory backend creates folders as it writes. */
export async function ensureSpaces(config: StoreConfig): Promise<void> {
  if (config.kind === "s3") await createBuckets(config);
}
