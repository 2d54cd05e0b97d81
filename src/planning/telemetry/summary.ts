import { z } from "zod";
import type { TelemetryLine } from "../../domain/telemetry/line.js";

/** The upper bounds of the `wall_ms` classes in a dashboard. One further class has no bound. */
export const WALL_MS_CLASSES = [100, 300, 1_000, 3_000, 10_000, 60_000] as const;

const countSchema = z.int().nonnegative();
const countsSchema = z.record(z.string(), countSchema);

/** A summary of lines. All members can be added, so months can be summed up. `wall_ms.classes[n]` counts lines up to WALL_MS_CLASSES[n]. */
export const summarySchema = z.strictObject({
  acts: countSchema,
  by_status: countsSchema,
  by_job_type: countsSchema,
  by_level: countsSchema,
  by_office: countsSchema,
  by_code: countsSchema,
  refs: countSchema,
  staged_bytes: countSchema,
  stored_bytes: countSchema,
  wall_ms: z.strictObject({
    acts: countSchema,
    total: z.number().nonnegative(),
    longest: z.number().nonnegative(),
    classes: z.array(countSchema).length(WALL_MS_CLASSES.length + 1),
  }),
  first_at: z.string().nullable(),
  last_at: z.string().nullable(),
  last_seq: countSchema,
});
export type Summary = z.infer<typeof summarySchema>;

export function buildEmptySummary(): Summary {
  return {
    acts: 0,
    by_status: {},
    by_job_type: {},
    by_level: {},
    by_office: {},
    by_code: {},
    refs: 0,
    staged_bytes: 0,
    stored_bytes: 0,
    wall_ms: { acts: 0, total: 0, longest: 0, classes: [...WALL_MS_CLASSES, 0].map(() => 0) },
    first_at: null,
    last_at: null,
    last_seq: 0,
  };
}

/** Adds a line to `summary` in place, because a month has hundreds of thousands of lines. */
export function addLine(summary: Summary, line: TelemetryLine): void {
  summary.acts += 1;
  incrementCount(summary.by_status, line.status);
  incrementCount(summary.by_job_type, line.job_type);
  incrementCount(summary.by_level, line.level);
  incrementCount(summary.by_office, line.office_id);
  if (line.code !== undefined) incrementCount(summary.by_code, line.code);
  summary.refs += line.refs;
  summary.staged_bytes += line.staged_bytes ?? 0;
  summary.stored_bytes += line.stored_bytes ?? 0;
  if (line.wall_ms !== undefined) addWallMs(summary.wall_ms, line.wall_ms);
  summary.first_at = pickEarlier(summary.first_at, line.at);
  summary.last_at = pickLater(summary.last_at, line.at);
  summary.last_seq = Math.max(summary.last_seq, line.seq);
}

/** Returns the summary of all lines of both. */
export function joinSummaries(one: Summary, other: Summary): Summary {
  const addNumbers = (a: readonly number[], b: readonly number[]) => a.map((value, at) => value + (b[at] ?? 0));
  return {
    acts: one.acts + other.acts,
    by_status: joinCounts(one.by_status, other.by_status),
    by_job_type: joinCounts(one.by_job_type, other.by_job_type),
    by_level: joinCounts(one.by_level, other.by_level),
    by_office: joinCounts(one.by_office, other.by_office),
    by_code: joinCounts(one.by_code, other.by_code),
    refs: one.refs + other.refs,
    staged_bytes: one.staged_bytes + other.staged_bytes,
    stored_bytes: one.stored_bytes + other.stored_bytes,
    wall_ms: {
      acts: one.wall_ms.acts + other.wall_ms.acts,
      total: one.wall_ms.total + other.wall_ms.total,
      longest: Math.max(one.wall_ms.longest, other.wall_ms.longest),
      classes: addNumbers(one.wall_ms.classes, other.wall_ms.classes),
    },
    first_at: other.first_at === null ? one.first_at : pickEarlier(one.first_at, other.first_at),
    last_at: other.last_at === null ? one.last_at : pickLater(one.last_at, other.last_at),
    last_seq: Math.max(one.last_seq, other.last_seq),
  };
}

function addWallMs(wall: Summary["wall_ms"], wallMs: number): void {
  wall.acts += 1;
  wall.total += wallMs;
  wall.longest = Math.max(wall.longest, wallMs);
  const found = WALL_MS_CLASSES.findIndex((bound) => wallMs <= bound);
  const at = found === -1 ? WALL_MS_CLASSES.length : found;
  wall.classes[at] = (wall.classes[at] ?? 0) + 1;
}

function incrementCount(counted: Record<string, number>, name: string): void {
  counted[name] = (counted[name] ?? 0) + 1;
}

function joinCounts(one: Readonly<Record<string, number>>, other: Readonly<Record<string, number>>): Record<string, number> {
  const both = { ...one };
  for (const [name, more] of Object.entries(other)) both[name] = (both[name] ?? 0) + more;
  return both;
}

/** Times in one fixed format and in UTC compare as strings. */
function pickEarlier(one: string | null, other: string): string {
  return one !== null && one < other ? one : other;
}

function pickLater(one: string | null, other: string): string {
  return one !== null && one > other ? one : other;
}
