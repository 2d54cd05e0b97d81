import { join } from "node:path";
import { NativeConnection, Worker } from "@temporalio/worker";
import { z } from "zod";
import { createLab512Activities } from "../activities/lab512/activities.js";
import { ConfigurationError, countSchema, readEnvironment, requiredText } from "../configuration/environment.js";
import { readFoundingKeys, readJson, readJwks, readSigningKey } from "../configuration/keys.js";
import { storeConfigOf, storeEnvironmentSchema } from "../configuration/store.js";
import { temporalEnvironment } from "../configuration/temporal.js";
import { type JobsAllowlist, jobsAllowlistSchema } from "../domain/allowlist.js";
import { LAB_512_QUEUE } from "../domain/task-queue.js";
import { endpointOf, NetworkWhitelist } from "../network/whitelist.js";
import type { RunnerDependencies } from "../runner/dependencies.js";
import { openRepositoriesByTenant } from "../runner/repositories-by-tenant.js";
import { openStore } from "../storage/open.js";
import { probeConditionalWrites } from "../storage/probe.js";
import { pullCommands, pullTokensSchema } from "./pull-loop.js";
import { runUntilSignalled } from "./run-until-signalled.js";

/** All that the Runner is told. It has no database address and no key but its own. */
const environmentSchema = z
  .object({
    ...temporalEnvironment,
    OGR_RECEIPT_KEY_FILE: requiredText("the Runner's own signing key (PKCS #8 PEM)"),
    OGR_PERMIT_JWKS_FILE: requiredText("the public keys by which LAB 256 signs permits (JWKS)"),
    OGR_STATEMENT_JWKS_FILE: requiredText("the public keys by which LAB 256 attests statements (JWKS)"),
    OGR_FOUNDING_KEYS_FILE: requiredText("the founding keys, a JWKS for each tenant"),
    OGR_ALLOWLIST_FILE: requiredText("the Runner's allowlist (jobs.allowlist.json)"),
    OGR_WORK_DIRECTORY: requiredText("a folder for the Runner's cache, safe to delete at any time"),
    OGR_CACHE_MAX_MIB: countSchema(4096, 1_048_576),
    OGR_STAGED_MAX_MIB: countSchema(512, 5120),
    OGR_RUNNER_SLOTS: countSchema(16, 1000),
    /** Set both for tenants that are served over HTTP; the allowlist must name the api's `host:port`. */
    OGR_PULL_API_URL: z.url("Write the api's address.").optional(),
    OGR_PULL_TOKENS_FILE: z.string().optional(),
    OGR_PULL_EVERY_MS: countSchema(1000, 600_000),
  })
  .and(storeEnvironmentSchema);
type Environment = z.infer<typeof environmentSchema>;

const MIB = 1024 * 1024;
const HEARTBEAT_THROTTLE_MS = 400;

/** Starts the Runner and serves `LAB_512` until the process is told to stop. `observe` sees every step of an act. */
export async function runLab512(environment: NodeJS.ProcessEnv, observe?: RunnerDependencies["onStep"]): Promise<void> {
  const env = readEnvironment(environmentSchema, environment);
  const allowlist = readJson(env.OGR_ALLOWLIST_FILE, jobsAllowlistSchema);
  const whitelist = whitelistOf(env, allowlist);
  whitelist.enforce();
  const store = await openStore(storeConfigOf(env));
  await probeConditionalWrites(store);
  const repositories = await openRepositoriesByTenant({
    root: join(env.OGR_WORK_DIRECTORY, "scopes"),
    allowlist,
    cache_max_bytes: env.OGR_CACHE_MAX_MIB * MIB,
  });
  const runner: RunnerDependencies = {
    target: "LAB_512",
    store,
    repositoriesOf: repositories.of,
    receiptKey: readSigningKey(env.OGR_RECEIPT_KEY_FILE),
    permitKeys: readJwks(env.OGR_PERMIT_JWKS_FILE),
    statementKeys: readJwks(env.OGR_STATEMENT_JWKS_FILE),
    foundingKeys: readFoundingKeys(env.OGR_FOUNDING_KEYS_FILE),
    allowlist,
    limits: {
      staged_max_bytes: env.OGR_STAGED_MAX_MIB * MIB,
      pack_max_bytes: 4 * env.OGR_STAGED_MAX_MIB * MIB,
      objects_max_count: 5_000_000,
      blob_max_bytes: 256 * MIB,
      path_max_bytes: 4096,
      archive_max_bytes: 2048 * MIB,
      plan_max_ms: 240_000,
      diffstat_max_ms: 20_000,
    },
    now: Date.now,
    ...(observe === undefined ? {} : { onStep: observe }),
  };
  whitelist.assert(env.OGR_TEMPORAL_ADDRESS);
  const connection = await NativeConnection.connect({ address: env.OGR_TEMPORAL_ADDRESS });
  const worker = await Worker.create({
    connection,
    namespace: env.OGR_TEMPORAL_NAMESPACE,
    taskQueue: LAB_512_QUEUE,
    activities: { ...createLab512Activities(runner) },
    identity: `lab512/${process.pid}`,
    // The SDK would hold heartbeats back to 80 % of their timeout, and a pause of a moment would look like a dead Runner.
    maxHeartbeatThrottleInterval: HEARTBEAT_THROTTLE_MS,
    defaultHeartbeatThrottleInterval: HEARTBEAT_THROTTLE_MS,
    maxConcurrentActivityTaskExecutions: env.OGR_RUNNER_SLOTS,
    shutdownGraceTime: "10s",
  });
  const stopped = new AbortController();
  const pulling = pull(env, runner, stopped.signal);
  await runUntilSignalled(worker, { name: "lab512", store: store.describe() });
  stopped.abort();
  await pulling;
  await repositories.close();
  await connection.close();
  await store.close();
}

async function pull(env: Environment, runner: RunnerDependencies, signal: AbortSignal): Promise<void> {
  if (env.OGR_PULL_API_URL === undefined || env.OGR_PULL_TOKENS_FILE === undefined) return;
  const tokens = readJson(env.OGR_PULL_TOKENS_FILE, pullTokensSchema);
  const report = (message: string) => process.stderr.write(`${JSON.stringify({ level: "warn", name: "pull", message })}\n`);
  await pullCommands(runner, { api_url: env.OGR_PULL_API_URL, tokens, every_ms: env.OGR_PULL_EVERY_MS, signal, report });
}

/** The whitelist's symbolic names stand for the endpoints of this configuration; what no tenant's allowance names stays closed. */
function whitelistOf(env: Environment, allowlist: JobsAllowlist): NetworkWhitelist {
  const names: Record<string, string | undefined> = {
    "object-store": env.OGR_STORE === "s3" ? endpointOf(env.OGR_S3_ENDPOINT) : undefined,
    temporal: endpointOf(env.OGR_TEMPORAL_ADDRESS),
  };
  const entries = new Set(Object.values(allowlist.tenants).flatMap((allowance) => allowance.network_whitelist));
  if (entries.size === 0)
    throw new ConfigurationError(`${env.OGR_ALLOWLIST_FILE} names no endpoint; the Runner needs \`object-store\` and \`temporal\`.`);
  return new NetworkWhitelist([...entries].flatMap((entry) => (Object.hasOwn(names, entry) ? (names[entry] ?? []) : entry)));
}
