import type { z } from "zod";
import { readEnvironment } from "../configuration/environment.js";
import { readFoundingKeys, readJwks, readSigningKey } from "../configuration/keys.js";
import { storeConfigOf } from "../configuration/store.js";
import { openDatabase } from "../database/database.js";
import { migrate } from "../database/migrate.js";
import { authenticate } from "../identity/authentication.js";
import { LedgerWatch } from "../ledger/notifications.js";
import { createPermits } from "../permits/permits.js";
import { PolicyCatalog } from "../permits/policy-catalog.js";
import { openStore } from "../storage/open.js";
import { probeConditionalWrites } from "../storage/probe.js";
import { createOnly } from "../storage/scoped.js";
import { apiEnvironmentSchema } from "./environment.js";
import { Flows } from "./flows.js";
import { createLog } from "./logging.js";
import { policyOffices } from "./policy-offices.js";
import { PrincipalCache } from "./principal-cache.js";
import { createServer } from "./server.js";
import { Temporal } from "./temporal.js";
import { Urls } from "./urls.js";

const MIB = 1024 * 1024;

type Environment = z.infer<typeof apiEnvironmentSchema>;

/** Starts the api and serves until the process is told to stop. */
export async function runApi(environment: NodeJS.ProcessEnv): Promise<void> {
  const env = readEnvironment(apiEnvironmentSchema, environment);
  const log = createLog(env.OGR_LOG_LEVEL);
  const permitKey = readSigningKey(env.OGR_PERMIT_KEY_FILE);
  const statementKey = readSigningKey(env.OGR_STATEMENT_KEY_FILE);
  const foundingKeys = readFoundingKeys(env.OGR_FOUNDING_KEYS_FILE);

  const openedStore = await openStore(storeConfigOf(env));
  // LAB 256 reads everywhere and creates only staged bytes and claims (contracts "Planes").
  const store = createOnly(openedStore, ["staging", "claims"]);
  await probeConditionalWrites(store);
  const db = openDatabase(env.DATABASE_URL, {
    max_connections: env.OGR_DATABASE_CONNECTIONS,
    on_lost_connection: (error) => log.warn({ reason: error.message }, "a database connection was lost"),
  });
  await migrate(db);
  const watch = await LedgerWatch.open(env.DATABASE_URL, {
    on_lost: (error) => log.warn({ reason: error.message }, "the ledger is not heard"),
  });
  const temporal = new Temporal(env.OGR_TEMPORAL_ADDRESS, env.OGR_TEMPORAL_NAMESPACE);
  const policies = new PolicyCatalog(store, foundingKeys, Date.now);
  const urls = new Urls({
    public_url: env.OGR_PUBLIC_URL,
    temporal_ui_url: env.OGR_TEMPORAL_UI_URL,
    namespace: env.OGR_TEMPORAL_NAMESPACE,
  });

  const jwks = { keys: [permitKey.jwk, statementKey.jwk] };

  const app = await createServer({
    db,
    watch,
    store,
    temporal,
    flows: new Flows(temporal, urls),
    permits: createPermits({ db, store, policies, permitKey, now: Date.now }),
    policies: policyOffices(policies),
    principals: new PrincipalCache((bearer, nowMs) => authenticate(db, bearer, nowMs), Date.now),
    statementKey,
    jwks,
    served_jwks: { keys: [...jwks.keys, ...readJwks(env.OGR_RECEIPT_JWKS_FILE).keys] },
    urls,
    relyingParty: () => ({ id: env.OGR_RP_ID, origins: env.OGR_RP_ORIGINS ?? [originOf(env, urls.base)] }),
    staged_max_bytes: env.OGR_STAGED_MAX_MIB * MIB,
    log,
    now: Date.now,
  });
  urls.listensAt(await app.listen({ host: env.OGR_API_HOST, port: env.OGR_API_PORT }));
  process.stdout.write(`${JSON.stringify({ ready: true, pid: process.pid, name: "api", url: urls.base })}\n`);
  /** Takes no new requests, answers those that wait, and lets go of everything. */
  async function stop(): Promise<void> {
    await app.close();
    await Promise.all([watch.close(), temporal.close(), store.close(), db.destroy()]);
  }
  let isStopping = false;
  for (const signal of ["SIGTERM", "SIGINT"] as const)
    process.on(signal, () => {
      if (isStopping) return;
      isStopping = true;
      stop().then(
        () => process.exit(0),
        (error: unknown) => {
          log.error({ err: error }, "the api did not stop cleanly");
          process.exit(1);
        },
      );
    });
}

/** The pages at `url` as passkeys know them: they belong to a name, and an address of digits is none. */
function originOf(env: Environment, url: string): string {
  const origin = new URL(url);
  if (env.OGR_PUBLIC_URL === undefined) origin.hostname = env.OGR_RP_ID;
  return origin.origin;
}
