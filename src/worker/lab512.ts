import { join } from "node:path";
import { NativeConnection, Worker } from "@temporalio/worker";
import type { Logger } from "pino";
import { createLab512Activities } from "../activities/lab512.js";
import { readConfiguredJson, readOperator, readSigningKey } from "../configuration/keys.js";
import { readConfiguration } from "../configuration/read.js";
import { type Lab512Settings, lab512Settings } from "../configuration/sections/lab512.js";
import { readStoreConfig } from "../configuration/sections/store.js";
import { readTemporalAccess, waitForTemporal } from "../configuration/sections/temporal.js";
import { startConfiguredTracing } from "../configuration/sections/tracing.js";
import { Charters } from "../decision/charter/charters.js";
import { WalkPoints } from "../decision/charter/walk-points.js";
import { PolicyCatalog } from "../decision/policy/policy-catalog.js";
import { LAB_512_QUEUE } from "../domain/act/task-queue.js";
import { type JobsAllowlist, jobsAllowlistSchema, NETWORK_NAMES } from "../domain/permit/allowlist.js";
import { STAGED_MAX_BYTES } from "../domain/staged.js";
import { openInfraSource } from "../infra/source/open.js";
import { openPointStore } from "../lab512/charter/point-store.js";
import { Allowances } from "../lab512/runner/allowances.js";
import type { RunnerDependencies } from "../lab512/runner/dependencies.js";
import { RepositoriesByTenant } from "../lab512/runner/repositories-by-tenant.js";
import { NetworkWhitelist, parseEndpoint } from "../lab512/whitelist.js";
import { installLog } from "../process/logging.js";
import { readOwnVersion } from "../process/own-version.js";
import { formatWorkerIdentity } from "../process/worker-identity.js";
import { Scope } from "../repository/scope.js";
import { StockGit } from "../repository/stock-git/stock-git.js";
import { openStore } from "../storage/open.js";
import { probeConditionalWrites } from "../storage/probe.js";
import { pushOwnMetrics } from "./metrics-push.js";
import { buildObservationOptions } from "./observed-worker.js";
import { pullCommands, pullTokensSchema } from "./pull-loop.js";

const MIB = 1024 * 1024;
/** For all tenants together, in equal shares. Above it, the least recently used packs are deleted. */
const CACHE_MAX_BYTES = 4096 * MIB;
const HEARTBEAT_THROTTLE_MS = 400;

/** Starts the Runner and serves `LAB_512` until the process is stopped. `observe` is called at every step of an act. */
export async function runLab512(environment: NodeJS.ProcessEnv, observe?: RunnerDependencies["onStep"]): Promise<void> {
  const env = readConfiguration(lab512Settings, environment);
  const log = installLog("lab512", env.OGR_LOG_LEVEL);
  const allowlist = readConfiguredJson(env.OGR_ALLOWLIST_FILE, jobsAllowlistSchema);
  const whitelist = buildWhitelist(env, allowlist);
  whitelist.enforce();
  const store = await openStore(readStoreConfig(env));
  await probeConditionalWrites(store, "claims");
  const receiptKey = readSigningKey(env.OGR_RECEIPT_KEY_FILE);
  const points = new WalkPoints({
    store: openPointStore(store),
    key: receiptKey,
    release: readOwnVersion(),
    reportFault: (error, what) => log.warn({ reason: String(error) }, what),
  });
  const charters = new Charters(store, readOperator(env.OGR_OPERATOR_FILE), points);
  const allowances = new Allowances(charters, allowlist);
  const root = join(env.OGR_WORK_DIRECTORY, "scopes");
  const repositories = new RepositoriesByTenant({ root, allowances, cacheMaxBytes: CACHE_MAX_BYTES });
  const git = new StockGit(new Scope(root));
  await git.requireVersion();
  git.close();
  const runner: RunnerDependencies = {
    target: "LAB_512",
    store,
    getRepositories: repositories.get,
    receiptKey,
    gitKey: readSigningKey(env.OGR_GIT_KEY_FILE),
    charters,
    policies: new PolicyCatalog(charters, Date.now),
    allowances,
    infra: openInfraSource(env.OGR_INFRA, store),
    limits: {
      stagedMaxBytes: STAGED_MAX_BYTES,
      packMaxBytes: 4 * STAGED_MAX_BYTES,
      objectsMaxCount: 5_000_000,
      blobMaxBytes: 256 * MIB,
      pathMaxBytes: 4096,
      archiveMaxBytes: 2048 * MIB,
      planMaxMs: 240_000,
      diffstatMaxMs: 20_000,
    },
    now: Date.now,
    ...(observe === undefined ? {} : { onStep: observe }),
  };
  whitelist.assertAllowed(env.OGR_TEMPORAL_ADDRESS);
  for (const sink of [env.OGR_METRICS_PUSH_URL, env.OGR_OTLP_URL]) if (sink !== undefined) whitelist.assertAllowed(sink);
  const tracing = await startConfiguredTracing("ogr-lab512", env, log);
  const temporal = readTemporalAccess(env);
  const connection = await waitForTemporal(temporal, NativeConnection.connect(temporal));
  const worker = await Worker.create({
    connection,
    namespace: env.OGR_TEMPORAL_NAMESPACE,
    taskQueue: LAB_512_QUEUE,
    activities: { ...createLab512Activities(runner) },
    ...buildObservationOptions(log, tracing),
    identity: formatWorkerIdentity("lab512"),
    // The SDK throttles heartbeats to 80 % of their timeout, so a short pause would look like a dead Runner.
    maxHeartbeatThrottleInterval: HEARTBEAT_THROTTLE_MS,
    defaultHeartbeatThrottleInterval: HEARTBEAT_THROTTLE_MS,
    maxConcurrentActivityTaskExecutions: env.OGR_RUNNER_SLOTS,
    shutdownGraceTime: "10s",
  });
  const stopped = new AbortController();
  const pulling = startPulling(env, runner, stopped.signal, log);
  const metrics = pushOwnMetrics(env, log);
  // The SDK's Runtime handles SIGTERM and SIGINT, lets the worker finish its tasks, and then ends this run.
  const running = worker.run();
  process.stdout.write(`${JSON.stringify({ ready: true, pid: process.pid, name: "lab512", store: store.describe() })}\n`);
  await running;
  stopped.abort();
  await pulling;
  await Promise.all([metrics?.stop(), tracing?.stop(), points.settle()]);
  await repositories.close();
  await connection.close();
  await store.close();
}

async function startPulling(env: Lab512Settings, runner: RunnerDependencies, signal: AbortSignal, log: Logger): Promise<void> {
  if (env.OGR_PULL_API_URL === undefined || env.OGR_PULL_TOKENS_FILE === undefined) return;
  const tokens = readConfiguredJson(env.OGR_PULL_TOKENS_FILE, pullTokensSchema);
  await pullCommands(runner, { apiUrl: env.OGR_PULL_API_URL, tokens, everyMs: env.OGR_PULL_EVERY_MS, signal, log });
}

/**
 * Replaces the whitelist's names by the configured endpoints. An endpoint that no entry of the allowlist names stays unreachable. An allowlist without
 * entries leaves only what no Runner works without.
 */
function buildWhitelist(env: Lab512Settings, allowlist: JobsAllowlist): NetworkWhitelist {
  const names: Record<string, string | undefined> = {
    "object-store": env.OGR_STORE === "s3" ? parseEndpoint(env.OGR_S3_ENDPOINT) : undefined,
    temporal: parseEndpoint(env.OGR_TEMPORAL_ADDRESS),
  };
  const named = Object.values(allowlist.tenants).flatMap((allowance) => allowance.network_whitelist);
  const entries = new Set(Object.keys(allowlist.tenants).length === 0 ? NETWORK_NAMES : named);
  return new NetworkWhitelist([...entries].flatMap((entry) => (Object.hasOwn(names, entry) ? (names[entry] ?? []) : entry)));
}
