import type { InsertObject, OperationNodeSource, QueryCreator } from "kysely";
import type { EventPayloads, EventType } from "../../../domain/ledger/event.js";
import type { Database } from "../../database/database.js";
import type { ProjectionName } from "../../database/tables/projections.js";

/** An entry of the chain whose type is known to be `T`. */
export interface EntryOf<T extends EventType> {
  readonly tenant_id: string;
  readonly seq: number;
  readonly at_ms: number;
  readonly type: T;
  readonly payload: EventPayloads[T];
}

/** One write of a projection, and the rows that it may touch. Two effects on one row are never in the same statement. */
export interface Effect {
  readonly rows: readonly string[];
  readonly write: OperationNodeSource;
}

/** Builds queries; a projection never runs one. */
export type Writer = QueryCreator<Database>;

/** What each event changes in one subject's tables. Pure, and based on the ledger alone, so a rebuild has identical results. */
export type Projection = { readonly [T in EventType]?: (write: Writer, entry: EntryOf<T>) => Effect | readonly Effect[] };

export function buildEffect(rows: readonly string[], write: OperationNodeSource): Effect {
  return { rows, write };
}

/** Inserts rows of `table` unless they exist. `name` identifies them in the effect. */
export function insertOnce<T extends ProjectionName>(
  write: Writer,
  table: T,
  name: string,
  rows: InsertObject<Database, T> | readonly InsertObject<Database, T>[],
): Effect {
  return buildEffect(
    [name],
    write
      .insertInto(table)
      .values(rows)
      .onConflict((conflict) => conflict.doNothing()),
  );
}

/** Replaces U+0000, which Postgres's text type does not support, by U+FFFD. The ledger keeps the original. */
export function toPostgresText(value: string): string {
  return value.replaceAll("\0", "\u{fffd}");
}
