import { openDirectoryStore } from "./directory/store.js";
import type { ObjectStore } from "./ports.js";
import { createBuckets } from "./s3/buckets.js";
import type { S3Config } from "./s3/config.js";
import { openS3Store } from "./s3/store.js";

/** The location of the store. A composition root parses it once from the environment. */
export type StoreConfig = ({ kind: "s3" } & S3Config) | { kind: "directory"; path: string };

/**
 * Opens a store. S3: makes no connection yet, and throws {@link StorageFault} `misconfigured` if a setting is malformed. Directory:
 * creates the root if absent, and throws `misconfigured` if the folder cannot serve as a store.
 */
export async function openStore(config: StoreConfig): Promise<ObjectStore> {
  return config.kind === "s3" ? openS3Store(config) : openDirectoryStore(config.path);
}

/** Creates the missing buckets, for which the installation has the credentials. The directory backend creates folders as it writes. */
export async function ensureSpaces(config: StoreConfig): Promise<void> {
  if (config.kind === "s3") await createBuckets(config);
}
