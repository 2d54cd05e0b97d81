import { StorageFault } from "../ports.js";
import { type Space, spaceNames } from "../spaces.js";

/** How to reach an S3 with conditional writes. */
export interface S3Config {
  /** `http://host:port` or `https://host`, without a path. Buckets are addressed in the path. */
  readonly endpoint: string;
  readonly region: string;
  readonly access_key: string;
  readonly secret_key: string;
  /** Certificates (PEM) that an `https` endpoint is trusted by; the system's when absent. */
  readonly ca?: string;
  /** Comes with temporary credentials. */
  readonly session_token?: string;
  /** Put before the name of every bucket, where bucket names are shared with others. */
  readonly bucket_prefix?: string;
  /** The longest a request may take; a large body gets more, in proportion to its size. */
  readonly request_timeout_ms: number;
}

/** S3 allows 63 characters for a bucket; the longest space leaves this many. */
const maxPrefixLength = 63 - Math.max(...spaceNames.map((name) => name.length));

/** The endpoint's URL. Throws {@link StorageFault} `misconfigured` that names the bad setting. */
export function checkConfig(config: S3Config): URL {
  const endpoint = URL.canParse(config.endpoint) ? new URL(config.endpoint) : undefined;
  if (
    endpoint === undefined ||
    !/^https?:$/.test(endpoint.protocol) ||
    endpoint.pathname !== "/" ||
    `${endpoint.search}${endpoint.hash}${endpoint.username}${endpoint.password}` !== ""
  ) {
    throw bad("endpoint", "must be http://host:port or https://host, without path, query or credentials");
  }
  for (const name of ["region", "access_key", "secret_key"] as const) {
    if (config[name] === "") {
      throw bad(name, "must not be empty");
    }
  }
  const prefix = config.bucket_prefix ?? "";
  if (prefix.length > maxPrefixLength || !/^([a-z0-9][a-z0-9-]*)?$/.test(prefix)) {
    throw bad("bucket_prefix", `must be at most ${maxPrefixLength} lower-case letters, digits and hyphens`);
  }
  if (!Number.isSafeInteger(config.request_timeout_ms) || config.request_timeout_ms < 1) {
    throw bad("request_timeout_ms", "must be a positive whole number of milliseconds");
  }
  return endpoint;
}

export function bucketOf(config: S3Config, space: Space): string {
  return `${config.bucket_prefix ?? ""}${space}`;
}

function bad(setting: string, rule: string): StorageFault {
  return new StorageFault("misconfigured", "", `The object store's setting ${setting} ${rule}.`);
}
