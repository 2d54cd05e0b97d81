const TRAILER = "Telemetry-To-Seq";

/** What git looks for in the messages of commits (an extended regular expression). */
export const LAST_SEQ_PATTERN = `^${TRAILER}: [0-9]+$`;

interface AppendedBatch {
  readonly from_seq: number;
  readonly to_seq: number;
  readonly lines: number;
  readonly projects: number;
  /** BLAKE3 of the batch that brought them. */
  readonly batch: string;
}

/** The message of a commit that appends lines: its trailers say which entries of the ledger the repository has since. */
export function formatAppendMessage({ from_seq, to_seq, lines, projects, batch }: AppendedBatch): string {
  const acts = `${lines} ${lines === 1 ? "act" : "acts"} of ${projects} ${projects === 1 ? "project" : "projects"}`;
  const trailers = [`Telemetry-From-Seq: ${from_seq}`, `${TRAILER}: ${to_seq}`, `Telemetry-Lines: ${lines}`, `Telemetry-Batch: ${batch}`];
  return `telemetry: ${acts}\n\n${trailers.join("\n")}\n`;
}

/** The ledger's entry that a commit appended last, or undefined for a message that does not say. */
export function parseLastSeq(message: string): number | undefined {
  const found = new RegExp(`^${TRAILER}: (\\d{1,15})$`, "m").exec(message)?.[1];
  return found === undefined ? undefined : Number(found);
}
