import { StorageFault } from "../ports.js";
import { spaceNames } from "../spaces.js";

/** How to reach an S3 with conditional writes. */
export interface S3Config {
  /** `http://host:port` or `https://host`, without a path. Buckets are addressed in the path. */
  readonly endpoint: string;
  readonly region: string;
  readonly access_key: string;
  readonly secret_key: string;
  /** The certificates (PEM) that are trusted for an `https` endpoint; the system's by default. */
  readonly ca?: string;
  /** The session token of temporary credentials. */
  readonly session_token?: string;
  /** The prefix of every bucket name, if bucket names are shared with others. */
  readonly bucket_prefix?: string;
  /** The maximum duration of a request; {@link REQUEST_TIMEOUT_MS} by default. A large body gets more time, in proportion to its size. */
  readonly requestTimeoutMs?: number;
}

/** Long enough for a store that is briefly overloaded, and far below the time limit of an act. */
export const REQUEST_TIMEOUT_MS = 30_000;

/** S3 allows 63 characters in a bucket name. The longest space leaves this many for the prefix. */
const maxPrefixLength = 63 - Math.max(...spaceNames.map((name) => name.length));

/** Returns the endpoint's URL. Throws {@link StorageFault} `misconfigured`, which names the invalid setting. */
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
