import { StorageFault } from "../ports.js";
import { spaceNames } from "../spaces.js";

/** How to reach an S3 with conditional writes. */
export interface S3Config {
  /** `http://host:port` or `https://host`, without a path. Buckets are addressed in the path. */
  readonly endpoint: string;
  readonly region: string;
  readonly access_key: string;
  readonly secret_key: string;
  /** Certificates (PEM) that an `https` endpoint is trusted by; the system's when absent. */
  readonly ca?: string;
  /** Belongs to temporary credentials. */
  readonly session_token?: string;
  /** Precedes the name of every bucket, where bucket names are shared with others. */
  readonly bucket_prefix?: string;
  /** The longest a request may take, {@link REQUEST_TIMEOUT_MS} when absent. A large body gets more, in proportion to its size. */
  readonly requestTimeoutMs?: number;
}

/** Long enough for a store that is briefly overloaded, and far below the time that an act has. */
export const REQUEST_TIMEOUT_MS = 30_000;

/** S3 allows 63 characters for a bucket; the longest space leaves this many. */
const maxPrefixLength = 63 - Math.max(...spaceNames.map((name) => name.length));

/** The endpoint's URL. Throws {@link StorageFault} `misconfigured` that names the bad setting. */
export function checkConfig(config: S3Config): URL {
  const { bucket_prefix: prefix = "" } = config;
  const endpoint = URL.canParse(config.endpoint) ? new URL(config.endpoint) : undefined;
  if (endpoint === undefined || !/^https?:$/.test(endpoint.protocol) || endpoint.href !== `${endpoint.origin}/`)
    throw buildSettingFault("endpoint", "must be http://host:port or https://host, without path, query or credentials");
  for (const name of ["region", "access_key", "secret_key"] as const)
    if (config[name] === "") throw buildSettingFault(name, "must not be empty");
  if (prefix.length > maxPrefixLength || !/^([a-z0-9][a-z0-9-]*)?$/.test(prefix))
    throw buildSettingFault("bucket_prefix", `must be at most ${maxPrefixLength} lower-case letters, digits and hyphens`);
  return endpoint;
}

function buildSettingFault(setting: string, rule: string): StorageFault {
  return new StorageFault("misconfigured", "", `The object store's setting ${setting} ${rule}.`);
}
