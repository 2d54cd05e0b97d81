import { formatTelemetryLine, type TelemetryLine } from "../../src/domain/telemetry/line.js";

export const TELEMETRY = "P.telemetry";

/** Builds a line of `T.UBL` with these members changed. */
export function buildLine(seq: number, changes: Partial<TelemetryLine> = {}): TelemetryLine {
  return {
    schema_version: "1.0",
    at: new Date(Date.UTC(2026, 10, 3) + seq * 1000).toISOString(),
    seq,
    tenant_id: "T.UBL",
    project_id: "P.demo",
    telemetry_repo: `T.UBL/${TELEMETRY}`,
    jti: `00000000-0000-4000-8000-${String(seq).padStart(12, "0")}`,
    job_type: "git.registry.push",
    level: "L1",
    status: "success",
    actor_id: "ubl:sid:person:admin",
    office_id: "office::default",
    refs: 1,
    wall_ms: 40,
    staged_bytes: 100,
    stored_bytes: 200,
    ...changes,
  };
}

export function buildBatch(lines: readonly TelemetryLine[]): Buffer {
  return Buffer.from(lines.map(formatTelemetryLine).join(""), "utf8");
}
