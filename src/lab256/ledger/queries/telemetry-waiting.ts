import type { Db } from "../../database/database.js";
import { readTelemetryCursor } from "../telemetry-cursor.js";
import { type FinishedAct, readFinishedActs } from "./finished-acts.js";
import { findLastTelemetryAppend } from "./telemetry-appends.js";

const PAGE = 500;

/**
 * Telemetry tells of no telemetry, and of no act from a time when there was no infra registry to say where its telemetry goes. A command
 * that found its permit used is no act: whoever used the permit has the receipt, and that is told.
 */
export function hasTelemetry({ job_type, scopes, end }: FinishedAct): boolean {
  if (end.kind === "closed" && end.closed.denial.code === "permit_used") return false;
  return job_type !== "git.registry.telemetry_append" && scopes.infra_hash !== undefined;
}

/** The earliest act of a tenant whose line is not appended yet; undefined where there is none. Reads the ledger from where the appends stand. */
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
