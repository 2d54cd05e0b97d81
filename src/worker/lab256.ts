import { Connection } from "@temporalio/client";
import { NativeConnection, Worker } from "@temporalio/worker";
import { z } from "zod";
import { createLab256Activities } from "../activities/lab256/activities.js";
import type { Lab256Dependencies } from "../activities/lab256/dependencies.js";
import { countSchema, readEnvironment, requiredText } from "../configuration/environment.js";
import { readFoundingKeys, readJwks, readSigningKey } from "../configuration/keys.js";
import { storeConfigOf, storeEnvironmentSchema } from "../configuration/store.js";
import { temporalEnvironment } from "../configuration/temporal.js";
import { openDatabase } from "../database/database.js";
import { migrate } from "../database/migrate.js";
import { LAB_256_QUEUE } from "../domain/task-queue.js";
import { PolicyCatalog } from "../permits/policy-catalog.js";
import { openStore } from "../storage/open.js";
import { probeConditionalWrites } from "../storage/probe.js";
import { createOnly } from "../storage/scoped.js";
import { scheduleHousekeeping } from "./housekeeping-schedule.js";
import { runUntilSignalled } from "./run-until-signalled.js";
import { workflowBundle } from "./workflow-bundle.js";

const environmentSchema = z
  .object({
    ...temporalEnvironment,
    DATABASE_URL: requiredText("the address of Postgres"),
    OGR_PERMIT_KEY_FILE: requiredText("LAB 256's key for permits (PKCS #8 PEM)"),
    OGR_STATEMENT_KEY_FILE: requiredText("LAB 256's key for statements (PKCS #8 PEM)"),
    OGR_RECEIPT_JWKS_FILE: requiredText("the Runners' public keys (JWKS)"),
    OGR_FOUNDING_KEYS_FILE: requiredText("the founding keys, a JWKS for each tenant"),
    OGR_RP_ID: z.string().default("localhost"),
    OGR_RP_ORIGINS: requiredText("the origins that step-up is made from, separated by commas"),
    OGR_CACHE_DIRECTORY: requiredText("a folder for the built workflows, safe to delete at any time"),
    OGR_HOUSEKEEPING_EVERY_S: countSchema(30, 86_400),
    OGR_CACHED_WORKFLOWS: countSchema(300, 100_000),
    OGR_DATABASE_CONNECTIONS: countSchema(20, 1000),
  })
  .and(storeEnvironmentSchema);

/** Starts LAB 256's worker and serves flows until the process is told to stop. `observe` sees every step. */
export async function runLab256(environment: NodeJS.ProcessEnv, observe?: Lab256Dependencies["onStep"]): Promise<void> {
  const env = readEnvironment(environmentSchema, environment);
  const bundle = workflowBundle(env.OGR_CACHE_DIRECTORY);
  const db = openDatabase(env.DATABASE_URL, { max_connections: env.OGR_DATABASE_CONNECTIONS });
  const store = createOnly(await openStore(storeConfigOf(env)), ["staging", "claims"]);
  await Promise.all([migrate(db), probeConditionalWrites(store, "claims")]);
  const foundingKeys = readFoundingKeys(env.OGR_FOUNDING_KEYS_FILE);
  const activities = createLab256Activities({
    db,
    store,
    policies: new PolicyCatalog(store, foundingKeys, Date.now),
    permitKey: readSigningKey(env.OGR_PERMIT_KEY_FILE),
    receiptKeys: readJwks(env.OGR_RECEIPT_JWKS_FILE),
    statements: {
      jwks: { keys: [readSigningKey(env.OGR_STATEMENT_KEY_FILE).jwk] },
      rp: { id: env.OGR_RP_ID, origins: env.OGR_RP_ORIGINS.split(",") },
    },
    now: Date.now,
    ...(observe === undefined ? {} : { onStep: observe }),
  });
  const connection = await NativeConnection.connect({ address: env.OGR_TEMPORAL_ADDRESS });
  const worker = await Worker.create({
    connection,
    namespace: env.OGR_TEMPORAL_NAMESPACE,
    taskQueue: LAB_256_QUEUE,
    workflowBundle: await bundle,
    // Whoever can reach Temporal could otherwise schedule these steps, issuePermit among them, from a workflow of their own.
    enableNonLocalActivities: false,
    activities: { ...activities },
    identity: `lab256/${process.pid}`,
    maxCachedWorkflows: env.OGR_CACHED_WORKFLOWS,
    shutdownGraceTime: "10s",
  });
  const schedules = await Connection.connect({ address: env.OGR_TEMPORAL_ADDRESS });
  await scheduleHousekeeping(schedules, env.OGR_TEMPORAL_NAMESPACE, env.OGR_HOUSEKEEPING_EVERY_S);
  await schedules.close();
  await runUntilSignalled(worker, { name: "lab256", store: store.describe() });
  await connection.close();
  await db.destroy();
  await store.close();
}
