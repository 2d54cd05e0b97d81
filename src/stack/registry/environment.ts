import { join } from "node:path";
import type { Founded } from "../founding/founding.js";
import type { RegistryProcessName } from "./registry-process.js";

/** Where the servers of a registry are, besides the object store, which {@link Founded} tells of. */
export interface RegistryEnvironmentOptions {
  readonly data_dir: string;
  readonly temporal_address: string;
  readonly temporal_namespace: string;
  readonly temporal_ui_url: string;
  readonly database_url: string;
  /** 0 takes any free one. */
  readonly api_port: number;
  /** As `OGR_INFRA` says it: `none`, `registry:<tenant>/<project>` or `file:<path>`. */
  readonly infra: string;
}

/** The whole environment of each process: what its plane may know, and nothing else (contracts, "Planes"). */
export function registryEnvironment(
  founded: Founded,
  options: RegistryEnvironmentOptions,
): Record<RegistryProcessName, Record<string, string>> {
  const { keys, store_environment } = founded;
  const temporal = { OGR_TEMPORAL_ADDRESS: options.temporal_address, OGR_TEMPORAL_NAMESPACE: options.temporal_namespace };
  const lab256 = {
    ...temporal,
    ...store_environment.LAB_256,
    DATABASE_URL: options.database_url,
    OGR_PERMIT_KEY_FILE: keys.permit,
    OGR_STATEMENT_KEY_FILE: keys.statement,
    OGR_RECEIPT_JWKS_FILE: keys.receipt_jwks,
    OGR_FOUNDING_KEYS_FILE: keys.founding_keys,
    OGR_INFRA: options.infra,
    OGR_API_HOST: "127.0.0.1",
    OGR_API_PORT: String(options.api_port),
    OGR_RP_ID: "localhost",
    OGR_RP_ORIGINS: rpOrigin(options.api_port),
    OGR_TEMPORAL_UI_URL: options.temporal_ui_url,
    OGR_WEBHOOK_RECEIVERS: "any",
  };
  const lab512 = {
    ...temporal,
    ...store_environment.LAB_512,
    OGR_RECEIPT_KEY_FILE: keys.receipt,
    OGR_PERMIT_JWKS_FILE: keys.permit_jwks,
    OGR_STATEMENT_JWKS_FILE: keys.statement_jwks,
    OGR_FOUNDING_KEYS_FILE: keys.founding_keys,
    OGR_INFRA: options.infra,
    OGR_ALLOWLIST_FILE: founded.allowlist,
    OGR_WORK_DIRECTORY: join(options.data_dir, "lab512"),
  };
  return { api: lab256, lab256, lab512 };
}

/**
 * What the n-th process of a kind (from 1) is told differently from the first: where it listens, and its own cache. The page whose passkeys
 * are taken is the first api's for all of them.
 */
export function replicaEnvironment(
  name: RegistryProcessName,
  n: number,
  options: { readonly data_dir: string; readonly api_ports: readonly number[] },
): Record<string, string> {
  if (n === 1) return {};
  if (name === "api") return { OGR_API_PORT: String(options.api_ports[n - 1]) };
  return name === "lab512" ? { OGR_WORK_DIRECTORY: join(options.data_dir, `lab512-${n}`) } : {};
}

/** The page whose passkeys the registry takes: passkeys belong to a name, and an address of digits is none. */
export function rpOrigin(apiPort: number): string {
  return `http://localhost:${apiPort}`;
}
