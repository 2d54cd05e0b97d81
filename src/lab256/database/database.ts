import { type Kysely, Kysely as KyselyDatabase, PostgresDialect, type Transaction } from "kysely";
import pg from "pg";
import type { IdentityTables } from "./tables/identity.js";
import type { LedgerTables } from "./tables/ledger.js";
import type { ProjectionTables } from "./tables/projections.js";
import type { WebhookTables } from "./tables/webhooks.js";

/** Every table of LAB 256. */
export interface Database extends LedgerTables, ProjectionTables, IdentityTables, WebhookTables {}

/** Runs queries: the pool, or one of its transactions. */
export type Db = Kysely<Database>;
export type Trx = Transaction<Database>;
/**
 * The connection pool, closed by `destroy()`. Functions that begin transactions take this type, because a transaction cannot begin
 * another.
 */
export type DbPool = Db & { readonly isTransaction: false };

export interface DatabaseOptions {
  /** The maximum number of connections in the pool. */
  readonly maxConnections: number;
  /** Called when an idle connection breaks. The pool has already dropped it and opens another one when needed. */
  readonly onLostConnection?: (error: Error) => void;
}

const CONNECT_TIMEOUT_MS = 10_000;

/** How long a process that hangs during an append can keep the head of its container locked. */
const IDLE_IN_TRANSACTION_MS = 30_000;

/** Opens a pool on the Postgres at `url` (`postgresql://…`). It connects on first use and does not migrate. */
export function openDatabase(url: string, options: DatabaseOptions): DbPool {
  const pool = new pg.Pool({
    connectionString: url,
    max: options.maxConnections,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_MS,
    application_name: "ogr",
    types: columnTypes,
  });
  pool.on("error", (error) => options.onLostConnection?.(error));
  return new KyselyDatabase<Database>({ dialect: new PostgresDialect({ pool }) }) as DbPool;
}

/** Parses columns as `pg` does, except that `bigint` becomes a number instead of a string. */
const columnTypes: pg.CustomTypesConfig = {
  getTypeParser: (oid, format) =>
    oid === pg.types.builtins.INT8 && format !== "binary" ? parseWholeNumber : pg.types.getTypeParser(oid, format),
};

function parseWholeNumber(text: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value)) return value;
  throw new RangeError(`${text} does not fit a JavaScript number; a time, sequence number or count in the database is damaged.`);
}
