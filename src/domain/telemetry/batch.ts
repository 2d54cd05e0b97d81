import type { JobType } from "../act/job.js";
import { denyWith, grantValue, type Outcome } from "../denial.js";
import { formatProblems, parseWith } from "../problems.js";
import { formatTelemetryLine, LINE_MAX_BYTES, type TelemetryLine, telemetryLineSchema, toRepositoryName } from "./line.js";

/** What a batch says of itself, in the params of its act. */
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
 * The lines of a batch: canonical, in the order of the ledger, within what the act claims, and all of the tenant itself and for this very
 * repository. Denials: `telemetry_invalid`; `telemetry_misrouted` for a line of another org or for another repository.
 */
export function parseTelemetryBatch(bytes: Uint8Array, claim: BatchClaim): Outcome<readonly BatchLine[]> {
  const text = Buffer.from(bytes).toString("utf8");
  if (!text.endsWith("\n")) return denyWith("telemetry_invalid", "The last line does not end.");
  const texts = text.slice(0, -1).split("\n");
  if (texts.length !== claim.lines)
    return denyWith("telemetry_invalid", `The batch has ${texts.length} lines, and its act says ${claim.lines}.`);
  const lines: BatchLine[] = [];
  let before = claim.from_seq;
  for (const [at, each] of texts.entries()) {
    const parsed = parseTelemetryLine(each);
    if (typeof parsed === "string") return denyWith("telemetry_invalid", `Line ${at + 1}: ${parsed}`);
    if (parsed.job_type === APPEND) return denyWith("telemetry_invalid", `Line ${at + 1}: telemetry is not written about telemetry.`);
    const misrouted = checkLineRoute(parsed, claim);
    if (misrouted !== undefined) return denyWith("telemetry_misrouted", `Line ${at + 1}: ${misrouted}`);
    if (parsed.seq <= before)
      return denyWith("telemetry_invalid", `Line ${at + 1}: its seq is ${parsed.seq}, and the one before is ${before}; seqs only rise.`);
    before = parsed.seq;
    lines.push({ line: parsed, text: `${each}\n` });
  }
  if (before !== claim.to_seq)
    return denyWith("telemetry_invalid", `The last line has the seq ${before}, and its act says ${claim.to_seq}.`);
  return grantValue(lines);
}

/** A line as it was committed, or a sentence that says why it is none. */
export function parseTelemetryLine(text: string): TelemetryLine | string {
  if (Buffer.byteLength(text) >= LINE_MAX_BYTES) return `it has more than ${LINE_MAX_BYTES} bytes.`;
  const value = parseLineJson(text);
  if (value === undefined) return "it is not JSON.";
  const parsed = parseWith(telemetryLineSchema, value);
  if (!parsed.ok) return formatProblems(parsed.problems);
  // What was left out on the way would be a second reading of the same bytes.
  return formatTelemetryLine(parsed.value) === `${text}\n` ? parsed.value : "it is not canonical JSON (RFC 8785).";
}

/** Telemetry stays in its org: whatever else was checked on the way here, a line that names another one is not written. */
function checkLineRoute(line: TelemetryLine, { tenant_id, project_id }: BatchClaim): string | undefined {
  if (line.tenant_id !== tenant_id) return `it is of ${line.tenant_id}, and this is ${tenant_id}'s act.`;
  const own = toRepositoryName(tenant_id, project_id);
  return line.telemetry_repo === own ? undefined : `it is for ${line.telemetry_repo}, and this act writes to ${own}.`;
}

function parseLineJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
