import { z } from "zod";
import { toCanonicalText } from "../../domain/bytes/canonical.js";
import { gitIdSchema } from "../../domain/git/git-id.js";
import { parseJson } from "../../domain/json.js";
import { TELEMETRY_SCHEMA_VERSION, toRepositoryName } from "../../domain/telemetry/line.js";
import { toLinesPath } from "../../domain/telemetry/paths.js";
import { buildEmptySummary, joinSummaries, type Summary, summarySchema } from "./summary.js";

/** The summary of one file of lines. `blob` is the file's git id. While it is unchanged, the file need not be read again. */
const monthSchema = z.strictObject({ month: z.string(), file: z.string(), blob: gitIdSchema, ...summarySchema.shape });
export type MonthSummary = z.infer<typeof monthSchema>;

const dashboardSchema = z.strictObject({
  schema_version: z.literal(TELEMETRY_SCHEMA_VERSION),
  tenant_id: z.string(),
  project_id: z.string(),
  telemetry_repo: z.string(),
  total: summarySchema,
  months: z.array(monthSchema),
});

interface DashboardProject {
  readonly tenant_id: string;
  readonly project_id: string;
  /** The telemetry repository's project. */
  readonly telemetry_project_id: string;
}

/** Builds the `dashboard.json` of a project: its months in order and their total. It is derived from the lines alone. */
export function buildDashboardText(
  { tenant_id, project_id, telemetry_project_id }: DashboardProject,
  months: readonly MonthSummary[],
): string {
  const ordered = [...months].sort((a, b) => (a.month < b.month ? -1 : 1));
  const total = ordered.reduce<Summary>((sum, month) => joinSummaries(sum, month), buildEmptySummary());
  return `${toCanonicalText({
    schema_version: TELEMETRY_SCHEMA_VERSION,
    tenant_id,
    project_id,
    telemetry_repo: toRepositoryName(tenant_id, telemetry_project_id),
    total,
    months: ordered,
  })}\n`;
}

export function buildMonthSummary(project: DashboardProject, month: string, blob: string, summary: Summary): MonthSummary {
  return { month, file: toLinesPath(project.tenant_id, project.project_id, month), blob, ...summary };
}

/** Returns the months of a dashboard by month and blob, or none if it is unreadable: it is derived, so it is written again. */
export function parseKnownMonths(text: string): ReadonlyMap<string, MonthSummary> {
  const parsed = dashboardSchema.safeParse(parseJson(text));
  return new Map(parsed.success ? parsed.data.months.map((month) => [`${month.month}:${month.blob}`, month]) : []);
}
