import type { Db } from "../../database/database.js";
import { readTelemetryCursor } from "../telemetry-cursor.js";
import { type FinishedAct, readFinishedActs } from "./finished-acts.js";
import { findLastTelemetryAppend } from "./telemetry-appends.js";

const PAGE = 500;

/**
 * Returns whether an act has a telemetry line. Telemetry appends have none, and neither have acts from a time without an infra registry,
 * which would name the destination. A command whose permit was already used is not an act: the command that used it has the receipt and
 * the line.
 */
export function hasTelemetry({ job_type, scopes, end }: FinishedAct): boolean {
  if (end.kind === "closed" && end.closed.denial.code === "permit_used") return false;
  return job_type !== "git.registry.telemetry_append" && scopes.infra_hash !== undefined;
}

/** Finds the earliest act of a tenant whose line has not been appended yet. Reads the ledger from the last append on. */
export async function findWaitingTelemetry(db: Db, tenantId: string): Promise<Pick<FinishedAct, "seq" | "at_ms"> | undefined> {
  const [last, passed] = await Promise.all([findLastTelemetryAppend(db, { tenant_id: tenantId }), readTelemetryCursor(db, tenantId)]);
  let afterSeq = Math.max(passed, last?.to_seq ?? 0);
  for (;;) {
    const page = await readFinishedActs(db, { tenant_id: tenantId, afterSeq, limit: PAGE });
    const waiting = page.acts.find(hasTelemetry);
    if (waiting !== undefined || !page.more) return waiting;
    afterSeq = page.seenSeq;
  }
}
