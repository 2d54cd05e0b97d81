import { type Kysely, Kysely as KyselyDatabase, PostgresDialect, type Transaction } from "kysely";
import pg from "pg";
import { columnTypes } from "./column-types.js";
import type { IdentityTables } from "./tables/identity.js";
import type { LedgerTables } from "./tables/ledger.js";
import type { ProjectionTables } from "./tables/projections.js";
import type { WebhookTables } from "./tables/webhooks.js";

/** Every table of LAB 256. */
export interface Database extends LedgerTables, ProjectionTables, IdentityTables, WebhookTables {}

/** Runs queries: the pool, or a transaction of it. */
export type Db = Kysely<Database>;
export type Trx = Transaction<Database>;
/** The pool of connections, closed by `destroy()`. For functions that begin transactions of their own, so no transaction is one. */
export type DbPool = Db & { readonly isTransaction: false };

export interface DatabaseOptions {
  /** The largest number of connections of the pool. */
  readonly maxConnections: number;
  /** Called when an idle connection breaks. The pool has already dropped it and opens another one when needed. */
  readonly onLostConnection?: (error: Error) => void;
}

const CONNECT_TIMEOUT_MS = 10_000;

/** A process that hangs during an append keeps the head of its container locked for no longer than this. */
const IDLE_IN_TRANSACTION_MS = 30_000;

/** Opens a pool on the Postgres at `url` (`postgresql://…`); connects on first use, and does not migrate. */
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
