import type { Registry } from "prom-client";
import type { Db } from "../lab256/database/database.js";
import { countWaitingCards } from "../lab256/ledger/queries/waiting-cards.js";
import { createStateMetrics, WAITING_AGES } from "../process/metrics/registry-state.js";
import type { HealthChecks } from "./health.js";

/** Builds the metrics of the whole registry: waiting cards from the ledger, pollers from Temporal, readiness. */
export function buildRegistryStateMetrics(db: Db, checks: HealthChecks): Registry {
  return createStateMetrics({
    countWaitingCards: () => countWaitingCards(db, WAITING_AGES, Date.now()),
    readHealth: () => checks.readHealth(),
    readReadiness: () => checks.readReadiness(),
  });
}
