import { buildOkFinding, buildProblemFinding, type DoctorFinding } from "../../doctor/finding.js";

/** A flow collects acts for at most an hour, and then retries every five minutes. */
const TELEMETRY_PATIENCE_MS = 90 * 60_000;
const TENANTS_SHOWN_MAX = 10;

/** Checks in the database that every tenant's acts get their line of telemetry. */
export async function checkTelemetry(databaseUrl: string, nowMs: number): Promise<readonly DoctorFinding[]> {
  const [{ openDatabase }, { listTenants }, { findWaitingTelemetry }] = await Promise.all([
    import("../../../lab256/database/database.js"),
    import("../../../lab256/identity/tenants.js"),
    import("../../../lab256/ledger/queries/telemetry-waiting.js"),
  ]);
  const db = openDatabase(databaseUrl, { maxConnections: 1 });
  try {
    const stuck: DoctorFinding[] = [];
    for (const { tenant_id } of await listTenants(db)) {
      const waiting = await findWaitingTelemetry(db, tenant_id);
      if (waiting === undefined || nowMs - waiting.at_ms <= TELEMETRY_PATIENCE_MS) continue;
      stuck.push(
        buildProblemFinding(
          "telemetry",
          `Entry ${waiting.seq} of the ledger of ${tenant_id} has waited for its line since ${new Date(waiting.at_ms).toISOString()}.`,
          `The flow telemetry/${tenant_id} shows in Temporal's UI what it waits for; see docs/telemetry.md.`,
        ),
      );
    }
    if (stuck.length === 0)
      return [buildOkFinding("telemetry", `no act waits longer than ${TELEMETRY_PATIENCE_MS / 60_000} min for its line`)];
    const more = stuck.length - TENANTS_SHOWN_MAX;
    const others = more > 0 ? [buildProblemFinding("telemetry", `${more} more tenants wait.`, "Fix those above first.")] : [];
    return [...stuck.slice(0, TENANTS_SHOWN_MAX), ...others];
  } finally {
    await db.destroy();
  }
}
