import { z } from "zod";
import { buildRequiredText, ConfigurationError, describeSecretSetting, describeSetting } from "../environment.js";
import { readConfiguredFile, readSecretFile } from "../files.js";

export const temporalSettings = {
  OGR_TEMPORAL_ADDRESS: describeSetting(buildRequiredText("Temporal's address, such as `127.0.0.1:7233`"), "`host:port` of Temporal"),
  OGR_TEMPORAL_NAMESPACE: describeSetting(z.string().default("default"), "its namespace; of Temporal Cloud `name.account`"),
  OGR_TEMPORAL_TLS: describeSetting(
    z.enum(["true", "false"], "Write `true` or `false`.").optional(),
    "`true`: TLS; implied by any of the five settings that follow",
  ),
  OGR_TEMPORAL_CA_FILE: describeSetting(z.string().optional(), "certificates (PEM) to trust instead of the system's"),
  OGR_TEMPORAL_CERT_FILE: describeSetting(z.string().optional(), "with mTLS: this process's certificate (PEM)"),
  OGR_TEMPORAL_KEY_FILE: describeSetting(z.string().optional(), "with mTLS: its private key (PEM, mode 0600)"),
  OGR_TEMPORAL_SERVER_NAME: describeSetting(
    z.string().optional(),
    "the name that the server's certificate has, where it is not the address's",
  ),
  OGR_TEMPORAL_API_KEY: describeSecretSetting(z.string().optional(), "API key of Temporal Cloud"),
};

/** Each of these settings implies TLS. */
export const TEMPORAL_TLS_SETTINGS = [
  "OGR_TEMPORAL_CA_FILE",
  "OGR_TEMPORAL_CERT_FILE",
  "OGR_TEMPORAL_KEY_FILE",
  "OGR_TEMPORAL_SERVER_NAME",
  "OGR_TEMPORAL_API_KEY",
] as const;

const temporalSchema = z.object(temporalSettings);
type TemporalSettings = z.infer<typeof temporalSchema>;

/** The connection options that both of Temporal's clients take. */
export interface TemporalAccess {
  readonly address: string;
  readonly tls?: {
    readonly serverNameOverride?: string;
    readonly serverRootCACertificate?: Buffer;
    readonly clientCertPair?: { readonly crt: Buffer; readonly key: Buffer };
  };
  readonly apiKey?: string;
}

/** Reads the certificates and keys. @throws ConfigurationError if one cannot be read, or if others can read a private key. */
export function readTemporalAccess(settings: TemporalSettings): TemporalAccess {
  const { OGR_TEMPORAL_ADDRESS: address, OGR_TEMPORAL_CA_FILE: ca, OGR_TEMPORAL_CERT_FILE: crt, OGR_TEMPORAL_KEY_FILE: key } = settings;
  const { OGR_TEMPORAL_SERVER_NAME: serverName, OGR_TEMPORAL_API_KEY: apiKey } = settings;
  const isTls = settings.OGR_TEMPORAL_TLS === "true" || TEMPORAL_TLS_SETTINGS.some((name) => settings[name] !== undefined);
  if (!isTls) return { address };
  return {
    address,
    tls: {
      ...(serverName === undefined ? {} : { serverNameOverride: serverName }),
      ...(ca === undefined ? {} : { serverRootCACertificate: readConfiguredFile(ca) }),
      ...(crt === undefined || key === undefined ? {} : { clientCertPair: { crt: readConfiguredFile(crt), key: readSecretFile(key) } }),
    },
    ...(apiKey === undefined ? {} : { apiKey }),
  };
}

/** Waits for a connection. @throws ConfigurationError with Temporal's address, which errors of the SDK can lack. */
export async function waitForTemporal<T>({ address, tls }: TemporalAccess, connecting: Promise<T>): Promise<T> {
  try {
    return await connecting;
  } catch (cause) {
    throw new ConfigurationError(`Temporal at ${address} cannot be reached ${tls === undefined ? "without TLS" : "over TLS"}.`, { cause });
  }
}
