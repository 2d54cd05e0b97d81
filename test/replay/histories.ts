import { readdirSync, readFileSync } from "node:fs";
import type { FlowState } from "../../src/workflows/messages.js";

const FOLDER = new URL("histories/", import.meta.url);

/** An event as Temporal writes it in JSON; payloads are base64. */
interface RecordedEvent {
  readonly eventType: string;
  readonly activityTaskScheduledEventAttributes?: { readonly activityType: { readonly name: string } };
  readonly activityTaskStartedEventAttributes?: { readonly attempt: number };
  readonly markerRecordedEventAttributes?: {
    readonly details: Readonly<Record<string, { readonly payloads: readonly RecordedPayload[] }>>;
  };
  readonly workflowExecutionCompletedEventAttributes?: { readonly result: { readonly payloads: readonly RecordedPayload[] } };
}

interface RecordedPayload {
  readonly data: string;
}

export interface RecordedHistory {
  readonly events: readonly RecordedEvent[];
}

export function listRecordedNames(): string[] {
  return readdirSync(FOLDER).map((file) => file.replace(/\.json$/, ""));
}

export function readHistory(name: string): RecordedHistory {
  return JSON.parse(readFileSync(new URL(`${name}.json`, FOLDER), "utf8"));
}

/** What the workflow answered: a flow's state, what housekeeping did, or nothing. */
export function readResult({ events }: RecordedHistory): FlowState & { anchored_heads?: number } {
  const completed = events.at(-1)?.workflowExecutionCompletedEventAttributes;
  if (completed === undefined) throw new Error("The history does not end with its workflow's result.");
  return decodePayload(completed.result.payloads) as FlowState;
}

/** The activities of a history in their order; local ones stand in it as markers once they are done. */
export function listActivityNames({ events }: RecordedHistory): string[] {
  return events.flatMap((event) => {
    const remote = event.activityTaskScheduledEventAttributes?.activityType.name;
    const local = event.markerRecordedEventAttributes?.details["data"]?.payloads;
    if (remote !== undefined) return [remote];
    return local === undefined ? [] : [(decodePayload(local) as { activity_type: string }).activity_type];
  });
}

/** How often the attempt was made that counted, for each activity of the Runner. */
export function listAttempts({ events }: RecordedHistory): number[] {
  return events.flatMap((event) => event.activityTaskStartedEventAttributes?.attempt ?? []);
}

function decodePayload([first]: readonly RecordedPayload[]): unknown {
  const text = Buffer.from(first?.data ?? "", "base64").toString("utf8");
  return text === "" ? undefined : JSON.parse(text);
}
