import { availableParallelism } from "node:os";
import { readFoundingKeys, readJwks, readSigningKey } from "../configuration/keys.js";
import { readConfiguration } from "../configuration/read.js";
import { type ApiSettings, apiSettings } from "../configuration/sections/api.js";
import { toDatabaseUrl } from "../configuration/sections/database.js";
import { listenForScrapes } from "../configuration/sections/metrics.js";
import { readStoreConfig } from "../configuration/sections/store.js";
import { readTemporalAccess } from "../configuration/sections/temporal.js";
import { startConfiguredTracing } from "../configuration/sections/tracing.js";
import { openInfraSource } from "../infra/source/open.js";
import { openDatabase } from "../lab256/database/database.js";
import { migrateDatabase } from "../lab256/database/migrate.js";
import { authenticateBearer } from "../lab256/identity/authentication.js";
import { LedgerWatch } from "../lab256/ledger/notifications.js";
import { createPermits } from "../lab256/permits/permits.js";
import { PolicyCatalog } from "../lab256/permits/policy-catalog.js";
import { apiMetrics } from "../process/metrics/api.js";
import { ledgerMetrics } from "../process/metrics/ledger.js";
import { createProcessMetrics } from "../process/metrics/process.js";
import { openStore } from "../storage/open.js";
import { probeConditionalWrites } from "../storage/probe.js";
import { limitToCreates } from "../storage/scoped.js";
import { Flows } from "./acts/flows.js";
import { createPolicyOffices } from "./acts/policy-offices.js";
import { HealthChecks } from "./health.js";
import { PrincipalCache } from "./http/principal-cache.js";
import { createServer } from "./http/server.js";
import { Urls } from "./http/urls.js";
import { createLog } from "./logging.js";
import { buildRegistryStateMetrics } from "./registry-state.js";
import { removeAbandonedUploads } from "./staging/abandoned-uploads.js";
import { Temporal } from "./temporal.js";

const MIB = 1024 * 1024;
/** Enough to keep them busy while the acts wait for store, ledger and Temporal; measured with every server on the same machine. */
const ACTS_RUNNING_PER_PROCESSOR = 3;

/** Starts the api and serves until the process is told to stop. */
export async function runApi(environment: NodeJS.ProcessEnv): Promise<void> {
  const env = readConfiguration(apiSettings, environment);
  const log = createLog(env.OGR_LOG_LEVEL);
  const permitKey = readSigningKey(env.OGR_PERMIT_KEY_FILE);
  const statementKey = readSigningKey(env.OGR_STATEMENT_KEY_FILE);
  const foundingKeys = readFoundingKeys(env.OGR_FOUNDING_KEYS_FILE);

  await removeAbandonedUploads(Date.now());
  const openedStore = await openStore(readStoreConfig(env));
  // LAB 256 reads everywhere and creates only staged bytes and claims (contracts "Planes").
  const store = limitToCreates(openedStore, ["staging", "claims"]);
  await probeConditionalWrites(store);
  const db = openDatabase(toDatabaseUrl(env), {
    maxConnections: env.OGR_DATABASE_CONNECTIONS,
    onLostConnection: (error) => log.warn({ reason: error.message }, "a database connection was lost"),
  });
  await migrateDatabase(db);
  const watch = await LedgerWatch.open(toDatabaseUrl(env), {
    onLost: (error) => log.warn({ reason: error.message }, "the ledger is not heard"),
  });
  const tracing = await startConfiguredTracing("ogr-api", env, log);
  const interceptors = tracing === undefined ? [] : [tracing.client];
  const temporal = new Temporal(readTemporalAccess(env), env.OGR_TEMPORAL_NAMESPACE, interceptors);
  const policies = new PolicyCatalog(store, foundingKeys, Date.now);
  const infra = openInfraSource(env.OGR_INFRA, store);
  const urls = new Urls({
    publicUrl: env.OGR_PUBLIC_URL,
    temporalUiUrl: env.OGR_TEMPORAL_UI_URL,
    namespace: env.OGR_TEMPORAL_NAMESPACE,
  });

  const jwks = { keys: [permitKey.jwk, statementKey.jwk] };

  const app = await createServer({
    db,
    watch,
    store,
    temporal,
    flows: new Flows(temporal, urls),
    permits: createPermits({ db, store, policies, infra, permitKey, now: Date.now }),
    policies: createPolicyOffices(policies),
    infra,
    principals: new PrincipalCache((bearer, nowMs) => authenticateBearer(db, bearer, nowMs), Date.now),
    statementKey,
    jwks,
    servedJwks: { keys: [...jwks.keys, ...readJwks(env.OGR_RECEIPT_JWKS_FILE).keys] },
    urls,
    resolveRelyingParty: () => ({ id: env.OGR_RP_ID, origins: env.OGR_RP_ORIGINS ?? [toPasskeyOrigin(env, urls.base)] }),
    stagedMaxBytes: env.OGR_STAGED_MAX_MIB * MIB,
    limits: {
      requestsMax: env.OGR_REQUESTS_MAX,
      waitsMax: env.OGR_WAITS_MAX,
      uploadsMax: env.OGR_UPLOADS_MAX,
      actsMax: env.OGR_ACTS_MAX,
      actsRunningMax: env.OGR_ACTS_RUNNING ?? ACTS_RUNNING_PER_PROCESSOR * availableParallelism(),
    },
    log,
    now: Date.now,
  });
  const scrapes = await listenForScrapes(env, () => {
    const state = buildRegistryStateMetrics(db, new HealthChecks({ db, store, temporal, now: Date.now }));
    return [apiMetrics, ledgerMetrics, state, createProcessMetrics()];
  });
  urls.setListenUrl(await app.listen({ host: env.OGR_API_HOST, port: env.OGR_API_PORT }));
  const metrics = scrapes === undefined ? {} : { metrics_url: scrapes.url };
  process.stdout.write(`${JSON.stringify({ ready: true, pid: process.pid, name: "api", url: urls.base, ...metrics })}\n`);
  /** Takes no new requests, answers those that wait, and lets go of everything. */
  async function stopApi(): Promise<void> {
    await app.close();
    await Promise.all([scrapes?.close(), tracing?.stop()]);
    await Promise.all([watch.close(), temporal.close(), store.close(), db.destroy()]);
  }
  let isStopping = false;
  for (const signal of ["SIGTERM", "SIGINT"] as const)
    process.on(signal, () => {
      if (isStopping) return;
      isStopping = true;
      stopApi().then(
        () => process.exit(0),
        (error: unknown) => {
          log.error({ err: error }, "the api did not stop cleanly");
          process.exit(1);
        },
      );
    });
}

/** The pages at `url` as passkeys know them: they belong to a name, and an address of digits is none. */
function toPasskeyOrigin(env: ApiSettings, url: string): string {
  const origin = new URL(url);
  if (env.OGR_PUBLIC_URL === undefined) origin.hostname = env.OGR_RP_ID;
  return origin.origin;
}
