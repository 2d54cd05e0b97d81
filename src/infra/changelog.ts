import { z } from "zod";
import { decodeUtf8 } from "../domain/bytes/utf8.js";
import { formatProblems, parseWith } from "../domain/problems.js";
import type { Result } from "../domain/result.js";
import { findJsonProblem, type TextProblem } from "./located-json.js";
import { executionContextSchema, mutationReasonSchema, ownerNameSchema, processSchema, repoNameSchema } from "./registry-schema.js";

const ACTIONS = ["register", "disable", "enable", "unregister"] as const;

/**
 * One line of `infra/changelog/infra-changelog.jsonl`: one mutation. This code writes every member. Lines from the wild may lack the optional
 * ones, have an empty reason, and name the telemetry repository without its owner. Source: contracts "Infra registry v2".
 */
export const changelogLineSchema = z
  .strictObject(
    {
      timestamp: z.iso
        .datetime({ offset: true, error: "Write a moment such as `2026-01-31T12:00:00.000Z` (RFC 3339)." })
        .describe("When the mutation was made (RFC 3339)."),
      action: z.enum(ACTIONS, "Write `register`, `disable`, `enable` or `unregister`."),
      owner: ownerNameSchema,
      repo: repoNameSchema,
      context: executionContextSchema.optional(),
      telemetry_repo: z
        .string("Write `<org>/<repo>` as a string.")
        .regex(
          /^(?:[A-Za-z0-9][A-Za-z0-9._-]{0,99}\/)?(?!(?:\.{1,2}|__proto__)$)[A-Za-z0-9._-]{1,100}$/,
          "Write `<org>/<repo>`, or in lines from elsewhere the repository alone.",
        )
        .optional(),
      reason: mutationReasonSchema.optional(),
      process: processSchema,
      schema_version: z
        .string("Write the schema version as a string, such as `2.0`.")
        .min(1, "A schema version is not empty.")
        .max(20, "A schema version has at most 20 characters."),
    },
    "A line is one JSON object.",
  )
  .describe("One mutation of the infra registry, version 2; the file has one JSON object a line and only grows.");
export type ChangelogLine = z.infer<typeof changelogLineSchema>;

export interface ChangelogEntry extends ChangelogLine {
  /** The number of the line in the file, from 1. */
  readonly line: number;
}

/**
 * Parses a changelog, or names every malformed line. A telemetry repository without an owner belongs to the line's own org; one of another
 * org is a problem.
 */
export function parseChangelog(input: string | Uint8Array): Result<readonly ChangelogEntry[], { problems: readonly TextProblem[] }> {
  const text = typeof input === "string" ? input : decodeUtf8(input);
  if (text === undefined) return { ok: false, problems: listNonUtf8Lines(input) };
  const lines = text.split("\n");
  const last = lines.pop();
  const problems: TextProblem[] = [];
  if (last !== "")
    problems.push({ line: lines.length + 1, column: 1, message: "The last line has no newline at its end; it may be cut off." });
  const value = lines.flatMap((raw, at) => {
    const parsed = parseChangelogLine(raw, at + 1);
    if (parsed.ok) return [parsed.value];
    problems.push(parsed.problem);
    return [];
  });
  return problems.length > 0 ? { ok: false, problems } : { ok: true, value };
}

/** The byte of a newline is part of no other character of UTF-8. */
function listNonUtf8Lines(input: string | Uint8Array): TextProblem[] {
  const lines = Buffer.from(input).toString("latin1").split("\n");
  return lines.flatMap((raw, at) =>
    decodeUtf8(Buffer.from(raw, "latin1")) === undefined
      ? [{ line: at + 1, column: 1, message: "This line is not UTF-8; write it as UTF-8." }]
      : [],
  );
}

function parseChangelogLine(raw: string, line: number): Result<ChangelogEntry, { problem: TextProblem }> {
  const refuseLine = (message: string) => ({ ok: false, problem: { line, column: 1, message } }) as const;
  const syntax = findJsonProblem(raw);
  if (syntax !== undefined) return { ok: false, problem: { ...syntax, line } };
  const parsed = parseWith(changelogLineSchema, JSON.parse(raw));
  if (!parsed.ok) return refuseLine(formatProblems(parsed.problems));
  const { telemetry_repo, ...rest } = parsed.value;
  if (telemetry_repo === undefined) return { ok: true, value: { ...rest, line } };
  const whole = telemetry_repo.includes("/") ? telemetry_repo : `${rest.owner}/${telemetry_repo}`;
  if (whole.startsWith(`${rest.owner}/`)) return { ok: true, value: { ...rest, telemetry_repo: whole, line } };
  return refuseLine(`The telemetry of ${rest.owner} goes to ${whole}, which is not its own.`);
}

/** The text of a line, with its newline. */
export function formatChangelogLine(line: ChangelogLine): string {
  return `${JSON.stringify(line)}\n`;
}
