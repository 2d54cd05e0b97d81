import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { z } from "zod";
import { ConfigurationError } from "../../configuration/environment.js";
import { readConfiguration } from "../../configuration/read.js";
import { toDatabaseUrl } from "../../configuration/sections/database.js";
import { type InitSettings, initSettings } from "../../configuration/sections/installation.js";
import { readTemporalAccess } from "../../configuration/sections/temporal.js";
import { formatProblems, parseWith } from "../../domain/problems.js";
import { type TenantSeed, tenantSeedSchema } from "../../lab256/identity/seed.js";
import { foundRecords } from "../founding/founding.js";
import { poll } from "../poll.js";
import type { S3Server } from "../servers/object-store.js";
import { ensureNamespace, searchAttributeNames } from "../servers/temporal-namespace.js";

const TEMPORAL_TIMEOUT_MS = 120_000;

/**
 * Founds a registry on servers that are run elsewhere: Temporal's namespace and search attributes, the buckets, every signing key, the
 * Runner's allowlist, the database with the first tenants, and their charters. Keeps what exists, so it can run before every start.
 */
export async function initRegistry(environment: NodeJS.ProcessEnv): Promise<string> {
  const env = readConfiguration(initSettings, environment);
  const tenants = readTenants(env.OGR_TENANTS_FILE);
  const objectStore = toS3Server(env);
  const { OGR_S3_BUCKET_PREFIX: bucketPrefix, OGR_FOUNDING_DIRECTORY: founding } = env;
  await Promise.all([
    waitForNamespace(env),
    foundRecords({
      dataDir: founding,
      folders: { lab256: env.OGR_LAB256_DIRECTORY, lab512: env.OGR_LAB512_DIRECTORY, founding: join(founding, "keys") },
      allowlistDir: env.OGR_LAB512_DIRECTORY,
      databaseUrl: toDatabaseUrl(env),
      objectStore,
      bucketPrefix,
      tenants,
      site: { id: env.OGR_RP_ID, origins: env.OGR_RP_ORIGINS.split(",") },
    }),
  ]);
  return `${tenants.map(({ tenant_id }) => tenant_id).join(", ")}: founded. The first tokens are in ${founding}/tokens.json.`;
}

function toS3Server(env: InitSettings): S3Server {
  const { OGR_S3_ENDPOINT: endpoint, OGR_S3_REGION: region, OGR_S3_ACCESS_KEY: access_key, OGR_S3_SECRET_KEY: secret_key } = env;
  return { kind: "s3", endpoint, region, access_key, secret_key };
}

function readTenants(path: string): TenantSeed[] {
  let value: unknown;
  try {
    value = parse(readFileSync(path, "utf8"));
  } catch (cause) {
    throw new ConfigurationError(`${path} cannot be read: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
  const parsed = parseWith(z.array(tenantSeedSchema).min(1, "Name at least one tenant."), value);
  if (!parsed.ok) throw new ConfigurationError(`${path} is not valid: ${formatProblems(parsed.problems)}`);
  return parsed.value;
}

/** Temporal accepts connections before it can create a namespace. */
async function waitForNamespace(env: InitSettings): Promise<void> {
  const { OGR_TEMPORAL_NAMESPACE: namespace, OGR_TEMPORAL_RETENTION_DAYS: days } = env;
  const access = readTemporalAccess(env);
  let lastError: unknown;
  const done = await poll(
    () =>
      ensureNamespace(access, namespace, searchAttributeNames, days).then(
        () => true as const,
        (error: unknown) => {
          lastError = error;
          return undefined;
        },
      ),
    { timeoutMs: TEMPORAL_TIMEOUT_MS, everyMs: 1_000 },
  );
  if (!done) throw new Error(`Temporal at ${access.address} did not create the namespace ${namespace}`, { cause: lastError });
}
