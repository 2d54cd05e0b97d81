import { ensureSpaces, openStore, type StoreConfig } from "../../storage/open.js";
import type { ObjectStore } from "../../storage/ports.js";
import type { ObjectStoreServer } from "../servers/servers.js";
import { assumeRole, type Plane } from "./plane-credentials.js";

/** Returns the store's configuration with root credentials: for founding, mirrors and tests, never for a service. */
export function buildRootStoreConfig(server: ObjectStoreServer, bucketPrefix: string): StoreConfig {
  if (server.kind === "directory") return { kind: "directory", path: server.path };
  const { endpoint, region, access_key, secret_key } = server;
  return { kind: "s3", endpoint, region, access_key, secret_key, bucket_prefix: bucketPrefix };
}

/** Creates the buckets and runs `work` on the store with root credentials. */
export async function withRootStore<T>(config: StoreConfig, work: (store: ObjectStore) => Promise<T>): Promise<T> {
  await ensureSpaces(config);
  const store = await openStore(config);
  try {
    return await work(store);
  } finally {
    await store.close();
  }
}

/** Builds the store's variables for the processes of a plane. On S3, their credentials allow exactly what the plane may do. */
export async function buildPlaneStoreEnvironment(
  server: ObjectStoreServer,
  plane: Plane,
  bucketPrefix: string,
): Promise<Record<string, string>> {
  if (server.kind === "directory") return { OGR_STORE: "directory", OGR_STORE_DIRECTORY: server.path };
  const credentials = await assumeRole(server, { plane, bucketPrefix });
  return {
    OGR_STORE: "s3",
    OGR_S3_ENDPOINT: server.endpoint,
    OGR_S3_REGION: server.region,
    OGR_S3_ACCESS_KEY: credentials.access_key,
    OGR_S3_SECRET_KEY: credentials.secret_key,
    OGR_S3_SESSION_TOKEN: credentials.session_token,
    ...(bucketPrefix === "" ? {} : { OGR_S3_BUCKET_PREFIX: bucketPrefix }),
  };
}
