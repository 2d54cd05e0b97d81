import { readdirSync, readFileSync } from "node:fs";
import type { FlowState } from "../../src/workflows/messages.js";

const FOLDER = new URL("histories/", import.meta.url);

/** An event in Temporal's JSON format. Payloads are base64. */
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

/** Reads the workflow's result: a flow's state, the result of housekeeping, or nothing. */
export function readResult({ events }: RecordedHistory): FlowState & { anchored_heads?: number } {
  const completed = events.at(-1)?.workflowExecutionCompletedEventAttributes;
  if (completed === undefined) throw new Error("The history does not end with its workflow's result.");
  return decodePayload(completed.result.payloads) as FlowState;
}

/** Lists the activities of a history in order. Local ones appear as markers when they complete. */
export function listActivityNames({ events }: RecordedHistory): string[] {
  return events.flatMap((event) => {
    const remote = event.activityTaskScheduledEventAttributes?.activityType.name;
    const local = event.markerRecordedEventAttributes?.details["data"]?.payloads;
    if (remote !== undefined) return [remote];
    return local === undefined ? [] : [(decodePayload(local) as { activity_type: string }).activity_type];
  });
}

/** Lists the number of the successful attempt of each of the Runner's activities. */
export function listAttempts({ events }: RecordedHistory): number[] {
  return events.flatMap((event) => event.activityTaskStartedEventAttributes?.attempt ?? []);
}

function decodePayload([first]: readonly RecordedPayload[]): unknown {
  const text = Buffer.from(first?.data ?? "", "base64").toString("utf8");
  return text === "" ? undefined : JSON.parse(text);
}
