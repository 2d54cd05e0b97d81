const TRAILER = "Telemetry-To-Seq";

/** Matches the commits that append lines (an extended regular expression for git). */
export const LAST_SEQ_PATTERN = `^${TRAILER}: [0-9]+$`;

interface AppendedBatch {
  readonly from_seq: number;
  readonly to_seq: number;
  readonly lines: number;
  readonly projects: number;
  /** The BLAKE3 of the batch. */
  readonly batch: string;
}

/** Formats the message of a commit that appends lines. Its trailers name the ledger's entries that it adds. */
export function formatAppendMessage({ from_seq, to_seq, lines, projects, batch }: AppendedBatch): string {
  const acts = `${lines} ${lines === 1 ? "act" : "acts"} of ${projects} ${projects === 1 ? "project" : "projects"}`;
  const trailers = [`Telemetry-From-Seq: ${from_seq}`, `${TRAILER}: ${to_seq}`, `Telemetry-Lines: ${lines}`, `Telemetry-Batch: ${batch}`];
  return `telemetry: ${acts}\n\n${trailers.join("\n")}\n`;
}

/** Returns the last ledger entry that a commit appended, or undefined if its message has no such trailer. */
export function parseLastSeq(message: string): number | undefined {
  const found = new RegExp(`^${TRAILER}: (\\d{1,15})$`, "m").exec(message)?.[1];
  return found === undefined ? undefined : Number(found);
}
