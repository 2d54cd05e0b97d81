import type { ColumnType } from "kysely";

/** A `bigint` column that always fits a JavaScript number: milliseconds, sequence numbers, counts. */
export type WholeNumber = ColumnType<number, number, number>;

/**
 * A `json` column, written as canonical text (RFC 8785) and read as the value. It is `json` and not `jsonb` because `json` keeps the text
 * as written and accepts every JSON string, including `\u0000`.
 */
export type JsonText<T> = ColumnType<T, string, string>;

export interface LedgerTables {
  /** One event of a container's chain, never updated or deleted. `hash` is the BLAKE3 of the JCS of all other columns. */
  ledger_entries: {
    container: string;
    /** Counts from 1, without gaps. */
    seq: WholeNumber;
    tenant_id: string;
    type: string;
    /** The event's name, chosen by its writer and unique in its container. */
    key: string;
    at_ms: WholeNumber;
    payload: JsonText<unknown>;
    prev_hash: string;
    hash: string;
  };
  /** The newest entry of each container; `seq` is 0 before the first entry. */
  ledger_heads: {
    container: string;
    tenant_id: string;
    seq: WholeNumber;
    hash: string;
  };
  /** The heads that have a signed copy in the object store. Not a projection: a rebuild keeps it. */
  ledger_anchors: {
    container: string;
    seq: WholeNumber;
    hash: string;
    anchored_at: WholeNumber;
  };
  /**
   * The lower and upper bound by which a clock is ahead of its reference (negative: behind). LAB 256's clock (`name` is its host) is
   * compared with the database's, a Runner's (`name` is its key id) with LAB 256's. Not a projection: it is measured continually.
   */
  clock_readings: {
    plane: "LAB_256" | "LAB_512";
    name: string;
    lower_ms: WholeNumber;
    upper_ms: WholeNumber;
    measured_at: WholeNumber;
  };
  /** Telemetry is complete up to the entry `passed_seq` of the tenant's ledger. Not a projection: it can be recomputed if lost. */
  telemetry_cursors: {
    tenant_id: string;
    passed_seq: WholeNumber;
  };
}
