import type { OperationNodeSource, QueryCreator } from "kysely";
import { toCanonicalText } from "../../../domain/bytes/canonical.js";
import type { EventPayloads, EventType } from "../../../domain/ledger/event.js";
import type { Database } from "../../database/database.js";

/** An entry of the chain whose type is known to be `T`. */
export interface EntryOf<T extends EventType> {
  readonly tenant_id: string;
  readonly seq: number;
  readonly at_ms: number;
  readonly type: T;
  readonly payload: EventPayloads[T];
}

/** One write of a projection, and the rows that it may touch: two effects on one row never travel in the same statement. */
export interface Effect {
  readonly rows: readonly string[];
  readonly write: OperationNodeSource;
}

/** Builds queries; a projection never runs one. */
export type Writer = QueryCreator<Database>;

/** What each event means for one subject's tables. Pure: the ledger alone decides, so that a rebuild comes out identical. */
export type Projection = { readonly [T in EventType]?: (write: Writer, entry: EntryOf<T>) => Effect | readonly Effect[] };

export function buildEffect(rows: readonly string[], write: OperationNodeSource): Effect {
  return { rows, write };
}

export function toJsonText(value: unknown): string {
  return toCanonicalText(value);
}

/** Text as Postgres can keep it: U+0000, which its text type lacks, becomes U+FFFD. The ledger keeps the original. */
export function toPostgresText(value: string): string {
  return value.replaceAll("\0", "\u{fffd}");
}
