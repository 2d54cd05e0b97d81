import type { JobType } from "../act/job.js";
import { denyWith, grantValue, type Outcome } from "../denial.js";
import { parseJson } from "../json.js";
import { formatProblems, parseWith } from "../problems.js";
import { formatTelemetryLine, LINE_MAX_BYTES, type TelemetryLine, telemetryLineSchema, toRepositoryName } from "./line.js";

/** What the params of an act state about its batch. */
export interface BatchClaim {
  readonly tenant_id: string;
  /** The telemetry repository's project. */
  readonly project_id: string;
  readonly from_seq: number;
  readonly to_seq: number;
  readonly lines: number;
}

const APPEND: JobType = "git.registry.telemetry_append";

export interface BatchLine {
  readonly line: TelemetryLine;
  /** With its line end. */
  readonly text: string;
}

/**
 * Parses a batch. Its lines must be canonical, in the ledger's order, within what the act states, and all from this tenant for this
 * repository. Denials: `telemetry_invalid`; `telemetry_misrouted` for a line of another org or for another repository.
 */
export function parseTelemetryBatch(bytes: Uint8Array, claim: BatchClaim): Outcome<readonly BatchLine[]> {
  const text = Buffer.from(bytes).toString("utf8");
  if (!text.endsWith("\n")) return denyWith("telemetry_invalid", "The last line has no line feed.");
  const texts = text.slice(0, -1).split("\n");
  if (texts.length !== claim.lines)
    return denyWith("telemetry_invalid", `The batch has ${texts.length} lines, but its act states ${claim.lines}.`);
  const lines: BatchLine[] = [];
  let before = claim.from_seq;
  for (const [at, each] of texts.entries()) {
    const parsed = parseTelemetryLine(each);
    if (typeof parsed === "string") return denyWith("telemetry_invalid", `Line ${at + 1}: ${parsed}`);
    if (parsed.job_type === APPEND) return denyWith("telemetry_invalid", `Line ${at + 1}: telemetry appends have no telemetry lines.`);
    const misrouted = checkLineRoute(parsed, claim);
    if (misrouted !== undefined) return denyWith("telemetry_misrouted", `Line ${at + 1}: ${misrouted}`);
    if (parsed.seq <= before)
      return denyWith(
        "telemetry_invalid",
        `Line ${at + 1}: its seq is ${parsed.seq}, but the previous one is ${before}; seqs must increase.`,
      );
    before = parsed.seq;
    lines.push({ line: parsed, text: `${each}\n` });
  }
  if (before !== claim.to_seq)
    return denyWith("telemetry_invalid", `The last line has the seq ${before}, but its act states ${claim.to_seq}.`);
  return grantValue(lines);
}

/** Returns the line, or a sentence that explains why the text is not one. */
export function parseTelemetryLine(text: string): TelemetryLine | string {
  if (Buffer.byteLength(text) >= LINE_MAX_BYTES) return `it has more than ${LINE_MAX_BYTES} bytes.`;
  const value = parseJson(text);
  if (value === undefined) return "it is not JSON with one meaning.";
  const parsed = parseWith(telemetryLineSchema, value);
  if (!parsed.ok) return formatProblems(parsed.problems);
  // Bytes that parse but are not canonical could be interpreted in two ways.
  return formatTelemetryLine(parsed.value) === `${text}\n` ? parsed.value : "it is not canonical JSON (RFC 8785).";
}

/** Telemetry stays in its org: a line that names another org is never written, whatever else was checked before. */
function checkLineRoute(line: TelemetryLine, { tenant_id, project_id }: BatchClaim): string | undefined {
  if (line.tenant_id !== tenant_id) return `it is of ${line.tenant_id}, and this is ${tenant_id}'s act.`;
  const own = toRepositoryName(tenant_id, project_id);
  return line.telemetry_repo === own ? undefined : `it is for ${line.telemetry_repo}, but this act writes to ${own}.`;
}
