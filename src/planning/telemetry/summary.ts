import { z } from "zod";
import type { TelemetryLine } from "../../domain/telemetry/line.js";

/** Upper bounds of `wall_ms` in a dashboard; the last class is open. */
export const WALL_MS_CLASSES = [100, 300, 1_000, 3_000, 10_000, 60_000] as const;

const countSchema = z.int().nonnegative();
const countsSchema = z.record(z.string(), countSchema);

/** What a number of lines come to. Every member can be added up, so that months make a total. `wall_ms.classes[n]` counts up to WALL_MS_CLASSES[n]. */
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

export function emptySummary(): Summary {
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

/** Adds a line to `summary`, which it changes: a month has hundreds of thousands. */
export function addLine(summary: Summary, line: TelemetryLine): void {
  summary.acts += 1;
  count(summary.by_status, line.status);
  count(summary.by_job_type, line.job_type);
  count(summary.by_level, line.level);
  count(summary.by_office, line.office_id);
  if (line.code !== undefined) count(summary.by_code, line.code);
  summary.refs += line.refs;
  summary.staged_bytes += line.staged_bytes ?? 0;
  summary.stored_bytes += line.stored_bytes ?? 0;
  if (line.wall_ms !== undefined) addWall(summary.wall_ms, line.wall_ms);
  summary.first_at = earlier(summary.first_at, line.at);
  summary.last_at = later(summary.last_at, line.at);
  summary.last_seq = Math.max(summary.last_seq, line.seq);
}

/** The summary of all lines of both. */
export function joined(one: Summary, other: Summary): Summary {
  const numbers = (a: readonly number[], b: readonly number[]) => a.map((value, at) => value + (b[at] ?? 0));
  return {
    acts: one.acts + other.acts,
    by_status: counts(one.by_status, other.by_status),
    by_job_type: counts(one.by_job_type, other.by_job_type),
    by_level: counts(one.by_level, other.by_level),
    by_office: counts(one.by_office, other.by_office),
    by_code: counts(one.by_code, other.by_code),
    refs: one.refs + other.refs,
    staged_bytes: one.staged_bytes + other.staged_bytes,
    stored_bytes: one.stored_bytes + other.stored_bytes,
    wall_ms: {
      acts: one.wall_ms.acts + other.wall_ms.acts,
      total: one.wall_ms.total + other.wall_ms.total,
      longest: Math.max(one.wall_ms.longest, other.wall_ms.longest),
      classes: numbers(one.wall_ms.classes, other.wall_ms.classes),
    },
    first_at: other.first_at === null ? one.first_at : earlier(one.first_at, other.first_at),
    last_at: other.last_at === null ? one.last_at : later(one.last_at, other.last_at),
    last_seq: Math.max(one.last_seq, other.last_seq),
  };
}

function addWall(wall: Summary["wall_ms"], wall_ms: number): void {
  wall.acts += 1;
  wall.total += wall_ms;
  wall.longest = Math.max(wall.longest, wall_ms);
  const found = WALL_MS_CLASSES.findIndex((bound) => wall_ms <= bound);
  const at = found === -1 ? WALL_MS_CLASSES.length : found;
  wall.classes[at] = (wall.classes[at] ?? 0) + 1;
}

function count(counted: Record<string, number>, name: string): void {
  counted[name] = (counted[name] ?? 0) + 1;
}

function counts(one: Readonly<Record<string, number>>, other: Readonly<Record<string, number>>): Record<string, number> {
  const both = { ...one };
  for (const [name, more] of Object.entries(other)) both[name] = (both[name] ?? 0) + more;
  return both;
}

/** Times of one fixed form in UTC are in the order of their letters. */
function earlier(one: string | null, other: string): string {
  return one !== null && one < other ? one : other;
}

function later(one: string | null, other: string): string {
  return one !== null && one > other ? one : other;
}
