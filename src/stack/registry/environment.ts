import { join } from "node:path";
import type { Founded } from "../founding/founding.js";
import type { RegistryProcessName } from "./registry-process.js";

/** Where the servers of a registry are, besides the object store, which {@link Founded} tells of. */
export interface RegistryEnvironmentOptions {
  readonly dataDir: string;
  readonly temporalAddress: string;
  readonly temporalNamespace: string;
  readonly temporalUiUrl: string;
  readonly databaseUrl: string;
  /** 0 takes any free one. */
  readonly apiPort: number;
  /** As `OGR_INFRA` says it: `none`, `registry:<tenant>/<project>` or `file:<path>`. */
  readonly infra: string;
}

/** The whole environment of each process: what its plane may know, and nothing else (contracts, "Planes"). */
export function buildRegistryEnvironment(
  founded: Founded,
  options: RegistryEnvironmentOptions,
): Record<RegistryProcessName, Record<string, string>> {
  const { keys, storeEnvironment } = founded;
  const temporal = { OGR_TEMPORAL_ADDRESS: options.temporalAddress, OGR_TEMPORAL_NAMESPACE: options.temporalNamespace };
  const lab256 = {
    ...temporal,
    ...storeEnvironment.LAB_256,
    DATABASE_URL: options.databaseUrl,
    OGR_PERMIT_KEY_FILE: keys.permit,
    OGR_STATEMENT_KEY_FILE: keys.statement,
    OGR_RECEIPT_JWKS_FILE: keys.receiptJwks,
    OGR_FOUNDING_KEYS_FILE: keys.foundingKeysLab256,
    OGR_INFRA: options.infra,
    OGR_API_HOST: "127.0.0.1",
    OGR_API_PORT: String(options.apiPort),
    OGR_RP_ID: "localhost",
    OGR_RP_ORIGINS: toRpOrigin(options.apiPort),
    OGR_TEMPORAL_UI_URL: options.temporalUiUrl,
    OGR_WEBHOOK_RECEIVERS: "any",
  };
  const lab512 = {
    ...temporal,
    ...storeEnvironment.LAB_512,
    OGR_RECEIPT_KEY_FILE: keys.receipt,
    OGR_PERMIT_JWKS_FILE: keys.permitJwks,
    OGR_STATEMENT_JWKS_FILE: keys.statementJwks,
    OGR_FOUNDING_KEYS_FILE: keys.foundingKeysLab256,
    OGR_INFRA: options.infra,
    OGR_ALLOWLIST_FILE: founded.allowlist,
    OGR_WORK_DIRECTORY: join(options.dataDir, "lab512"),
  };
  return { api: lab256, lab256, lab512 };
}

/**
 * What the n-th process of a kind (from 1) is told differently from the first: where it listens, and its own cache. The page whose passkeys
 * are taken is the first api's for all of them.
 */
export function buildReplicaEnvironment(
  name: RegistryProcessName,
  n: number,
  options: { readonly dataDir: string; readonly apiPorts: readonly number[] },
): Record<string, string> {
  if (n === 1) return {};
  if (name === "api") return { OGR_API_PORT: String(options.apiPorts[n - 1]) };
  return name === "lab512" ? { OGR_WORK_DIRECTORY: join(options.dataDir, `lab512-${n}`) } : {};
}

/** The page whose passkeys the registry takes: passkeys belong to a name, and an address of digits is none. */
export function toRpOrigin(apiPort: number): string {
  return `http://localhost:${apiPort}`;
}
