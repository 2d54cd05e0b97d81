import type { TelemetryLine } from "./line.js";

/** The paths of a telemetry repository. Ids are parsed, so none can leave its folder. Source: contracts "Infra registry v2". */

const toProjectFolder = (tenantId: string, projectId: string) => `${tenantId}_${projectId}`;

/** Returns the folder of a project's lines, with one file per month. */
export function toLinesFolder(tenantId: string, projectId: string): string {
  return `telemetry/v1/repos/${toProjectFolder(tenantId, projectId)}`;
}

export function toLinesPath(tenantId: string, projectId: string, month: string): string {
  return `${toLinesFolder(tenantId, projectId)}/${month}.jsonl`;
}

export function toDashboardPath(tenantId: string, projectId: string): string {
  return `telemetry/v1/dashboards/${toProjectFolder(tenantId, projectId)}/dashboard.json`;
}

/** Returns the UTC month in which the act finished: `2026-11`. */
export function toMonth({ at }: Pick<TelemetryLine, "at">): string {
  return at.slice(0, 7);
}

/** Returns the month of a file of lines, or undefined for any other name. */
export function parseFileMonth(name: string): string | undefined {
  return /^(\d{4}-\d{2})\.jsonl$/.exec(name)?.[1];
}
