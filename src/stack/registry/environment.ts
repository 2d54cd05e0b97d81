import { join } from "node:path";
import type { Founded } from "../founding/founding.js";
import type { RegistryProcessName } from "./registry-process.js";

/** The addresses of a registry's servers, except the object store's, which {@link Founded} holds. */
export interface RegistryEnvironmentOptions {
  readonly dataDir: string;
  readonly temporalAddress: string;
  /** Must have the search attributes of the flows. */
  readonly temporalNamespace: string;
  readonly temporalUiUrl: string;
  readonly databaseUrl: string;
  /** 0 takes any free port. */
  readonly apiPort: number;
  /** The value of `OGR_INFRA`: `none`, `registry:<tenant>/<project>` or `file:<path>`. */
  readonly infra: string;
}

/** Builds the whole environment of each process: only what its plane may know (contracts, "Planes"). */
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
    OGR_OPERATOR_FILE: keys.operatorLab256,
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
    OGR_GIT_KEY_FILE: keys.git,
    OGR_OPERATOR_FILE: keys.operatorLab512,
    OGR_INFRA: options.infra,
    OGR_ALLOWLIST_FILE: founded.allowlist,
    OGR_WORK_DIRECTORY: join(options.dataDir, "lab512"),
  };
  return { api: lab256, lab256, lab512 };
}

/**
 * Returns the variables in which the n-th process of a kind (from 1) differs from the first: its port and its own cache. All replicas
 * accept the passkeys of the first api's origin.
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

/** Returns the origin whose passkeys the registry accepts. It has a host name because passkeys cannot be bound to an IP address. */
export function toRpOrigin(apiPort: number): string {
  return `http://localhost:${apiPort}`;
}
