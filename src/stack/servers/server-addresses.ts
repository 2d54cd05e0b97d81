import { resolve } from "node:path";
import type { Servers } from "./servers.js";

/** The addresses of running servers as plain JSON: what `keep.ts` writes and tests receive. Contains credentials. */
export interface ServerAddresses {
  /** host:port */
  temporal_address: string;
  temporal_ui_url: string;
  /** The Temporal command. */
  temporal_path: string;
  /** Root credentials of the S3 server; absent on a machine without one. */
  s3?: { endpoint: string; region: string; access_key: string; secret_key: string };
  /** The URL of an account that can create databases. */
  database_url: string;
  /** An absolute path. Everything below it is removed with the servers. */
  data_dir: string;
}

export function toServerAddresses(servers: Servers, dataDir: string): ServerAddresses {
  const { temporal, temporalPath, objectStore, databaseUrl } = servers;
  const addresses = {
    temporal_address: temporal.address,
    temporal_ui_url: temporal.uiUrl,
    temporal_path: temporalPath,
    database_url: databaseUrl,
    data_dir: resolve(dataDir),
  };
  if (objectStore.kind === "directory") return addresses;
  const { endpoint, region, access_key, secret_key } = objectStore;
  return { ...addresses, s3: { endpoint, region, access_key, secret_key } };
}
