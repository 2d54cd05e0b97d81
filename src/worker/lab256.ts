import { Client, Connection } from "@temporalio/client";
import { NativeConnection, Worker } from "@temporalio/worker";
import { createLab256Activities } from "../activities/lab256.js";
import { readJwks, readOperator, readSigningKey } from "../configuration/keys.js";
import { readConfiguration } from "../configuration/read.js";
import { toDatabaseUrl } from "../configuration/sections/database.js";
import { lab256Settings } from "../configuration/sections/lab256.js";
import { listenForScrapes } from "../configuration/sections/metrics.js";
import { readStoreConfig } from "../configuration/sections/store.js";
import { readTemporalAccess, waitForTemporal } from "../configuration/sections/temporal.js";
import { startConfiguredTracing } from "../configuration/sections/tracing.js";
import { Charters } from "../decision/charter/charters.js";
import { WalkPoints } from "../decision/charter/walk-points.js";
import { PolicyCatalog } from "../decision/policy/policy-catalog.js";
import { LAB_256_QUEUE } from "../domain/act/task-queue.js";
import { openInfraSource } from "../infra/source/open.js";
import { recordCharters } from "../lab256/acts/charters.js";
import type { Lab256Dependencies } from "../lab256/acts/dependencies.js";
import { tellVoidedFlows } from "../lab256/acts/outdated-plans.js";
import { openDatabase } from "../lab256/database/database.js";
import { migrateDatabase } from "../lab256/database/migrate.js";
import { openPointStore } from "../lab256/identity/charter-points.js";
import { CharterRecorder } from "../lab256/identity/charter-recorder.js";
import { installLog } from "../process/logging.js";
import { activityMetrics } from "../process/metrics/activities.js";
import { countHousekeepingFault, lab256Metrics } from "../process/metrics/lab256.js";
import { ledgerMetrics } from "../process/metrics/ledger.js";
import { createProcessMetrics } from "../process/metrics/process.js";
import { readOwnVersion } from "../process/own-version.js";
import { formatWorkerIdentity } from "../process/worker-identity.js";
import { openStore } from "../storage/open.js";
import { probeConditionalWrites } from "../storage/probe.js";
import { limitToCreates } from "../storage/scoped.js";
import { wakeWebhook } from "../workflows/webhook-waking.js";
import { isFlowOpen, tellApprovalsVoided } from "./flow-state.js";
import { scheduleHousekeeping } from "./housekeeping-schedule.js";
import { buildObservationOptions } from "./observed-worker.js";
import { loadWorkflowBundle } from "./workflow-bundle.js";

/** One for each concurrent step, limited so that three LAB 256 and three apis fit into Postgres's default of 100 connections. */
const DATABASE_CONNECTIONS = 20;
/** Flows kept in memory. More would cost memory and save only the replay of the flow that has been idle longest. */
const CACHED_WORKFLOWS = 128;
/** Limits a fault's message in the log, because it can contain a part of a damaged object. */
const REASON_MAX_CHARS = 500;
/** Keeps a batch far below Temporal's payload limit, even with long lines. */
const TELEMETRY_BATCH_LINES = 1000;

/** A worker of LAB 256 that serves flows. */
export interface RunningLab256 {
  /** The description of the object store, for the log. */
  readonly store: string;
  /** The URL that Prometheus scrapes, if it is configured. */
  readonly metricsUrl: string | undefined;
  /** Settles when the worker has stopped. Rejects if it failed. */
  readonly stopped: Promise<void>;
  /** Stops the worker, lets its running steps finish, and closes every connection. */
  close(): Promise<void>;
}

/** Runs LAB 256 until SIGTERM or SIGINT, which Temporal's runtime turns into a stop of the worker. `observe` is called at every step. */
export async function runLab256(
  environment: NodeJS.ProcessEnv,
  observe?: Lab256Dependencies["onStep"],
  loadWorkflows = loadWorkflowBundle,
): Promise<void> {
  const { store, metricsUrl, stopped, close } = await startLab256(environment, observe, loadWorkflows);
  process.stdout.write(`${JSON.stringify({ ready: true, pid: process.pid, name: "lab256", store, metrics_url: metricsUrl })}\n`);
  await stopped;
  await close();
}

/** Starts LAB 256's worker. Returns when it is ready. `observe` is called at every step. */
export async function startLab256(
  environment: NodeJS.ProcessEnv,
  observe?: Lab256Dependencies["onStep"],
  loadWorkflows = loadWorkflowBundle,
): Promise<RunningLab256> {
  const env = readConfiguration(lab256Settings, environment);
  const log = installLog("lab256", env.OGR_LOG_LEVEL);
  const tracing = await startConfiguredTracing("ogr-lab256", env, log);
  const bundle = loadWorkflows(tracing === undefined ? "plain" : "traced");
  const db = openDatabase(toDatabaseUrl(env), {
    maxConnections: DATABASE_CONNECTIONS,
    onLostConnection: (error) => log.warn({ reason: error.message }, "lost a database connection"),
  });
  const store = limitToCreates(await openStore(readStoreConfig(env)), ["staging", "ends"]);
  await Promise.all([migrateDatabase(db), probeConditionalWrites(store, "ends")]);
  const permitKey = readSigningKey(env.OGR_PERMIT_KEY_FILE);
  const reportFault = (error: unknown, what: string) => {
    countHousekeepingFault();
    log.error({ reason: String(error).slice(0, REASON_MAX_CHARS) }, what);
  };
  const points = new WalkPoints({
    store: openPointStore(db),
    key: permitKey,
    release: readOwnVersion(),
    reportFault: (error, what) => log.warn({ reason: String(error).slice(0, REASON_MAX_CHARS) }, what),
  });
  const charters = new Charters(store, readOperator(env.OGR_OPERATOR_FILE), points);
  const temporal = readTemporalAccess(env);
  const connection = await waitForTemporal(temporal, NativeConnection.connect(temporal));
  const { workflow } = new Client({ connection, namespace: env.OGR_TEMPORAL_NAMESPACE });
  const tellVoided = (workflowId: string) => tellApprovalsVoided(workflow, workflowId);
  const onVoided = (tenantId: string, cards: readonly string[]) => tellVoidedFlows({ tellVoided, reportFault }, tenantId, cards);
  const onWebhooks = async (tenant_id: string, webhooks: readonly string[]): Promise<void> => {
    for (const webhook_id of webhooks)
      await wakeWebhook(workflow, { tenant_id, webhook_id }).catch((error: unknown) => reportFault(error, `cannot wake ${webhook_id}`));
  };
  const charterRecorder = new CharterRecorder({ db, store, charters, now: Date.now, onVoided, onWebhooks });
  await recordCharters({ db, charterRecorder, reportFault });
  const activities = createLab256Activities({
    db,
    store,
    policies: new PolicyCatalog(charters, Date.now),
    infra: openInfraSource(env.OGR_INFRA, store),
    permitKey,
    receiptKeys: readJwks(env.OGR_RECEIPT_JWKS_FILE),
    statementKeys: { keys: [readSigningKey(env.OGR_STATEMENT_KEY_FILE).jwk] },
    charterRecorder,
    reportFault,
    tellVoided,
    isFlowOpen: (workflowId) => isFlowOpen(workflow, workflowId),
    webhookReceivers: env.OGR_WEBHOOK_RECEIVERS,
    telemetry: { everyMs: env.OGR_TELEMETRY_EVERY_S * 1000, batchMaxLines: TELEMETRY_BATCH_LINES },
    now: Date.now,
    ...(observe === undefined ? {} : { onStep: observe }),
  });
  const scrapes = await listenForScrapes(env, () => [lab256Metrics, activityMetrics, ledgerMetrics, createProcessMetrics()]);
  const worker = await Worker.create({
    connection,
    namespace: env.OGR_TEMPORAL_NAMESPACE,
    taskQueue: LAB_256_QUEUE,
    workflowBundle: await bundle,
    // Otherwise anyone who can reach Temporal could schedule these steps, such as issuePermit, from their own workflow.
    enableNonLocalActivities: false,
    activities: { ...activities },
    ...buildObservationOptions(log, tracing),
    identity: formatWorkerIdentity("lab256"),
    maxCachedWorkflows: CACHED_WORKFLOWS,
    shutdownGraceTime: "10s",
  });
  const schedules = await waitForTemporal(temporal, Connection.connect(temporal));
  await scheduleHousekeeping(schedules, env.OGR_TEMPORAL_NAMESPACE, env.OGR_HOUSEKEEPING_EVERY_S);
  await schedules.close();
  const stopped = worker.run();
  return {
    store: store.describe(),
    metricsUrl: scrapes?.url,
    stopped,
    async close() {
      if (worker.getState() === "RUNNING") worker.shutdown();
      await stopped;
      await scrapes?.close();
      await tracing?.stop();
      await connection.close();
      await points.settle();
      await db.destroy();
      await store.close();
    },
  };
}
