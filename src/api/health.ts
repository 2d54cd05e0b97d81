import { sql } from "kysely";
import { z } from "zod";
import { listTenants } from "../lab256/identity/tenants.js";
import { measureAnchorAge } from "../lab256/ledger/anchors.js";
import { type ClockReading, listClockReadings } from "../lab256/ledger/clock-readings.js";
import type { ApiDependencies } from "./dependencies.js";
import { pollersSchema } from "./temporal.js";

/** How long a result of a health check is reused, in milliseconds. */
const CACHE_MS = 2000;
/** How long the numbers of charters are reused, in milliseconds: to count them reads an object of every tenant. */
const CHARTERS_CACHE_MS = 600_000;
const CHECK_MAX_MS = 1500;
/** Clocks of two planes may differ by this much, in milliseconds (contracts "Permit, command, claim, receipt"). */
const CLOCK_SKEW_MAX_MS = 5000;
/** Housekeeping anchors each minute; it may miss some of them. */
const ANCHOR_AGE_MAX_MS = 900_000;

export const healthSchema = z.object({
  status: z.literal("ok"),
  /** Null if Temporal does not answer. */
  pollers: z.array(pollersSchema).nullable(),
  /** The database's clock minus the api's; null if the database does not answer. */
  clock_skew_ms: z.number().nullable(),
  /** How many tenants have a charter that their founding key can still change; null if that is not known yet. */
  unsealed_charters: z.number().nullable(),
  /** How many tenants have a change that their recovery keys announced and that waits for its delay; null if that is not known yet. */
  waiting_recoveries: z.number().nullable(),
  /** How long an entry of a ledger has waited for an anchor; null if the database does not answer. */
  anchor_age_ms: z.number().nullable(),
  /** Warnings for the operator, in sentences. */
  warnings: z.array(z.string()),
});

/** Each member is `ok`, or a sentence. */
export const readinessSchema = z.object({ database: z.string(), object_store: z.string(), temporal: z.string() });

type HealthDependencies = Pick<ApiDependencies, "db" | "store" | "temporal" | "charters" | "now">;

/** Checks the api and its neighbours, at most every two seconds for all callers together. */
export function createHealthChecks(deps: HealthDependencies) {
  const readCharters = shareAnswer(deps, countCharters, CHARTERS_CACHE_MS);
  return {
    readHealth: shareAnswer(deps, () => checkHealth(deps, readCharters)),
    readReadiness: shareAnswer(deps, checkReadiness),
  };
}

/** Shares one answer for `cacheMs`; after a failure the next call asks again. */
function shareAnswer<T>(deps: HealthDependencies, check: (deps: HealthDependencies) => Promise<T>, cacheMs = CACHE_MS): () => Promise<T> {
  let latest: { readonly answer: Promise<T>; readonly untilMs: number } | undefined;
  return () => {
    const now = deps.now();
    if (latest === undefined || now >= latest.untilMs) {
      const asked = { answer: check(deps), untilMs: now + cacheMs };
      latest = asked;
      asked.answer.catch(() => {
        if (latest === asked) latest = undefined;
      });
    }
    return latest.answer;
  };
}

async function checkHealth(deps: HealthDependencies, readCharters: () => Promise<CharterCounts>): Promise<z.infer<typeof healthSchema>> {
  const [charters, pollers, skew, clocks, anchors] = await Promise.allSettled([
    waitForCheck(readCharters()),
    waitForCheck(deps.temporal.listPollers(deps.now(), CHECK_MAX_MS)),
    waitForCheck(measureClockSkew(deps)),
    waitForCheck(listClockReadings(deps.db)),
    waitForCheck(measureAnchorAge(deps.db, deps.now())),
  ]);
  const clock_skew_ms = skew.status === "fulfilled" ? skew.value : null;
  const warnings: string[] = [];
  if (pollers.status === "rejected") warnings.push("Temporal does not answer.");
  else for (const queue of pollers.value) if (queue.pollers === 0) warnings.push(`No worker polls ${queue.task_queue}: it does not run.`);
  if (clock_skew_ms === null) warnings.push("The database does not answer.");
  else if (Math.abs(clock_skew_ms) > CLOCK_SKEW_MAX_MS)
    warnings.push(`The clocks of api and database differ by ${clock_skew_ms} ms; permits need them within ${CLOCK_SKEW_MAX_MS} ms.`);
  const counts = charters.status === "fulfilled" ? charters.value : null;
  const anchor_age_ms = anchors.status === "fulfilled" ? anchors.value : null;
  if (anchor_age_ms !== null && anchor_age_ms > ANCHOR_AGE_MAX_MS)
    warnings.push(
      `An entry of a ledger has waited ${Math.round(anchor_age_ms / 60_000)} minutes for its anchor, so a restored old database would not be noticed; see in Temporal whether the schedule \`housekeeping\` is paused, and why its flows fail.`,
    );
  if (clocks.status === "fulfilled") warnings.push(...clocks.value.flatMap(formatClockWarning));
  return {
    status: "ok",
    pollers: pollers.status === "fulfilled" ? pollers.value : null,
    clock_skew_ms,
    anchor_age_ms,
    unsealed_charters: counts?.unsealed_charters ?? null,
    waiting_recoveries: counts?.waiting_recoveries ?? null,
    warnings,
  };
}

interface CharterCounts {
  /** Their founding key can still change them. */
  readonly unsealed_charters: number;
  readonly waiting_recoveries: number;
}

async function countCharters({ db, charters }: HealthDependencies): Promise<CharterCounts> {
  const counts = { unsealed_charters: 0, waiting_recoveries: 0 };
  for (const { tenant_id } of await listTenants(db)) {
    const charter = await charters.readNewest(tenant_id);
    if (!charter.ok) continue;
    if (!charter.value.sealed) counts.unsealed_charters += 1;
    if (charter.value.recovery?.waiting) counts.waiting_recoveries += 1;
  }
  return counts;
}

const CLOCKS = {
  LAB_256: { formatOwner: () => "A worker of LAB 256", against: "the database's" },
  LAB_512: { formatOwner: (name: string) => `The Runner with the key ${name}`, against: "LAB 256's" },
} as const;

/** Reports only measured bounds, not an estimate between them. Hides a worker's host, because everyone can read this. */
function formatClockWarning({ plane, name, lower_ms, upper_ms, measured_at }: ClockReading): string[] {
  const by = lower_ms > CLOCK_SKEW_MAX_MS ? "ahead of" : upper_ms < -CLOCK_SKEW_MAX_MS ? "behind" : undefined;
  if (by === undefined) return [];
  const { formatOwner, against } = CLOCKS[plane];
  const atLeastMs = by === "behind" ? -upper_ms : lower_ms;
  return [
    `${formatOwner(name)} has a clock at least ${atLeastMs} ms ${by} ${against} (${new Date(measured_at).toISOString()}); permits need them within ${CLOCK_SKEW_MAX_MS} ms.`,
  ];
}

/** Measures the database's clock minus the api's, assuming a reading in the middle of the round trip. */
async function measureClockSkew({ db, now }: HealthDependencies): Promise<number> {
  const before = now();
  const { rows } = await sql<{ at: number }>`select (extract(epoch from clock_timestamp()) * 1000)::bigint as at`.execute(db);
  const [row] = rows;
  if (row === undefined) throw new Error("Postgres did not return its time.");
  return Math.round(row.at - (before + now()) / 2);
}

async function checkReadiness({ db, store, temporal }: HealthDependencies): Promise<z.infer<typeof readinessSchema>> {
  const [database, object_store, flows] = await Promise.all([
    checkService("The database", waitForCheck(sql`select 1`.execute(db))),
    checkService("The object store", waitForCheck(store.blobs.stat("staging/ready"))),
    checkService("Temporal", waitForCheck(temporal.ping(CHECK_MAX_MS))),
  ]);
  return { database, object_store, temporal: flows };
}

async function checkService(what: string, check: Promise<unknown>): Promise<string> {
  try {
    await check;
    return "ok";
  } catch {
    // Only the neighbour's own log tells the operator the reason.
    return `${what} does not answer.`;
  }
}

function waitForCheck<T>(check: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`No answer within ${CHECK_MAX_MS} ms.`)), CHECK_MAX_MS);
    check.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
