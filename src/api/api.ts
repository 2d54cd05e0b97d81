import { availableParallelism } from "node:os";
import type { Logger } from "pino";
import { readJwks, readOperator, readSigningKey } from "../configuration/keys.js";
import { readConfiguration } from "../configuration/read.js";
import { type ApiSettings, apiSettings } from "../configuration/sections/api.js";
import { toDatabaseUrl } from "../configuration/sections/database.js";
import { listenForScrapes } from "../configuration/sections/metrics.js";
import { readStoreConfig } from "../configuration/sections/store.js";
import { readTemporalAccess } from "../configuration/sections/temporal.js";
import { startConfiguredTracing } from "../configuration/sections/tracing.js";
import { Charters } from "../decision/charter/charters.js";
import { WalkPoints } from "../decision/charter/walk-points.js";
import { PolicyCatalog } from "../decision/policy/policy-catalog.js";
import { STAGED_MAX_BYTES } from "../domain/staged.js";
import { openInfraSource } from "../infra/source/open.js";
import { openDatabase } from "../lab256/database/database.js";
import { migrateDatabase } from "../lab256/database/migrate.js";
import { authenticateBearer } from "../lab256/identity/authentication.js";
import { openPointStore } from "../lab256/identity/charter-points.js";
import { LedgerWatch } from "../lab256/ledger/notifications.js";
import { countWaitingCards } from "../lab256/ledger/queries/waiting-cards.js";
import { createProcessLog } from "../process/log.js";
import { apiMetrics } from "../process/metrics/api.js";
import { ledgerMetrics } from "../process/metrics/ledger.js";
import { createProcessMetrics } from "../process/metrics/process.js";
import { createStateMetrics, WAITING_AGES } from "../process/metrics/registry-state.js";
import { readOwnVersion } from "../process/own-version.js";
import { openStore } from "../storage/open.js";
import { probeConditionalWrites } from "../storage/probe.js";
import { limitToCreates } from "../storage/scoped.js";
import { Flows } from "./acts/flows.js";
import { PlanLooks } from "./acts/plan-looks.js";
import { createHealthChecks } from "./health.js";
import { PrincipalCache } from "./http/principal-cache.js";
import { createServer } from "./http/server.js";
import { Urls } from "./http/urls.js";
import { removeAbandonedUploads } from "./staging/abandoned-uploads.js";
import { Temporal } from "./temporal.js";

/** Three apis, three LAB 256 and their notification connections fit into Postgres's default of 100 connections. */
const DATABASE_CONNECTIONS = 10;
/** A request holds its body and its answer in memory. */
const REQUESTS_MAX = 128;
/** A wait holds a socket and a timer, no database connection. */
const WAITS_MAX = 2000;
/** Sixteen uploads of the largest size fill 8 GiB of the temporary folder. */
const UPLOADS_MAX = 16;
/** Keeps the processors busy while acts wait for store, ledger and Temporal; measured with every server on the same machine. */
const ACTS_RUNNING_PER_PROCESSOR = 3;

/** An api that serves. */
export interface RunningApi {
  /** The address under which clients know it. */
  readonly url: string;
  /** Where Prometheus scrapes it, if it is configured to listen for that. */
  readonly metricsUrl: string | undefined;
  readonly log: Logger;
  /** Accepts no new requests, answers the waiting ones, and closes every connection. */
  close(): Promise<void>;
}

/** Starts the api. Returns when it serves. */
export async function startApi(environment: NodeJS.ProcessEnv): Promise<RunningApi> {
  const env = readConfiguration(apiSettings, environment);
  const log = createProcessLog("api", env.OGR_LOG_LEVEL);
  const permitKey = readSigningKey(env.OGR_PERMIT_KEY_FILE);
  const statementKey = readSigningKey(env.OGR_STATEMENT_KEY_FILE);

  await removeAbandonedUploads(Date.now());
  const openedStore = await openStore(readStoreConfig(env));
  // LAB 256 reads everywhere and creates only staged bytes and ends of permits (contracts "Planes").
  const store = limitToCreates(openedStore, ["staging", "ends"]);
  await probeConditionalWrites(store, "ends");
  const db = openDatabase(toDatabaseUrl(env), {
    maxConnections: DATABASE_CONNECTIONS,
    onLostConnection: (error) => log.warn({ reason: error.message }, "lost a database connection"),
  });
  await migrateDatabase(db);
  const watch = await LedgerWatch.open(toDatabaseUrl(env), {
    onLost: (error) => log.warn({ reason: error.message }, "lost the ledger's notification connection"),
  });
  const tracing = await startConfiguredTracing("ogr-api", env, log);
  const interceptors = tracing === undefined ? [] : [tracing.client];
  const temporal = new Temporal(readTemporalAccess(env), env.OGR_TEMPORAL_NAMESPACE, interceptors);
  const points = new WalkPoints({
    store: openPointStore(db),
    key: permitKey,
    release: readOwnVersion(),
    reportFault: (error, what) => log.warn({ reason: String(error) }, what),
  });
  const charters = new Charters(store, readOperator(env.OGR_OPERATOR_FILE), points);
  const policies = new PolicyCatalog(charters, Date.now);
  const infra = openInfraSource(env.OGR_INFRA, store);
  const urls = new Urls({
    publicUrl: env.OGR_PUBLIC_URL,
    temporalUiUrl: env.OGR_TEMPORAL_UI_URL,
    namespace: env.OGR_TEMPORAL_NAMESPACE,
  });

  const jwks = { keys: [permitKey.jwk, statementKey.jwk] };

  const flows = new Flows(temporal, urls);
  const looks = new PlanLooks({
    ...{ db, policies, infra, now: Date.now },
    sendLook: (tenantId, cardId) => flows.signalLook(tenantId, cardId),
    reportFault: (error) => log.warn({ reason: String(error) }, "cannot check whether the plan of a card has changed"),
  });

  const app = await createServer({
    db,
    watch,
    store,
    temporal,
    flows,
    looks,
    permits: { db, store, policies, infra, permitKey, now: Date.now },
    charters,
    policies,
    infra,
    principals: new PrincipalCache((bearer, nowMs) => authenticateBearer(db, bearer, nowMs), Date.now),
    statementKey,
    jwks,
    servedJwks: { keys: [...jwks.keys, ...readJwks(env.OGR_RECEIPT_JWKS_FILE).keys] },
    urls,
    resolveRelyingParty: () => ({ id: env.OGR_RP_ID, origins: env.OGR_RP_ORIGINS ?? [toPasskeyOrigin(env, urls.base)] }),
    stagedMaxBytes: STAGED_MAX_BYTES,
    limits: {
      requestsMax: REQUESTS_MAX,
      waitsMax: WAITS_MAX,
      uploadsMax: UPLOADS_MAX,
      actsMax: env.OGR_ACTS_MAX,
      actsRunningMax: ACTS_RUNNING_PER_PROCESSOR * availableParallelism(),
    },
    log,
    now: Date.now,
  });
  const scrapes = await listenForScrapes(env, () => {
    const state = createStateMetrics({
      countWaitingCards: () => countWaitingCards(db, WAITING_AGES, Date.now()),
      ...createHealthChecks({ db, store, temporal, charters, now: Date.now }),
    });
    return [apiMetrics, ledgerMetrics, state, createProcessMetrics()];
  });
  urls.setListenUrl(await app.listen({ host: env.OGR_API_HOST, port: env.OGR_API_PORT }));
  return {
    url: urls.base,
    metricsUrl: scrapes?.url,
    log,
    async close() {
      await app.close();
      await Promise.all([scrapes?.close(), tracing?.stop(), points.settle()]);
      await Promise.all([watch.close(), temporal.close(), store.close(), db.destroy()]);
    },
  };
}

/** The origin of `url` for passkeys. Passkeys belong to a host name, so an IP address is replaced by the relying party's id. */
function toPasskeyOrigin(env: ApiSettings, url: string): string {
  const origin = new URL(url);
  if (env.OGR_PUBLIC_URL === undefined) origin.hostname = env.OGR_RP_ID;
  return origin.origin;
}
