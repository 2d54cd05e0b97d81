import pg from "pg";
import { readConfiguration } from "../../configuration/read.js";
import { databasesSettings } from "../../configuration/sections/installation.js";
import { poll } from "../poll.js";

/** The account under which docker-compose.yml runs Temporal. */
const TEMPORAL_ACCOUNT = "temporal";
const TEMPORAL_DATABASES = ["temporal", "temporal_visibility"];
const CONNECT_TIMEOUT_MS = 60_000;

/**
 * Ensures that Postgres has an account and a database for the registry, and an account and two databases for Temporal, each closed to the
 * other. Keeps what exists, except that an account gets the password of the current configuration.
 */
export async function initDatabases(environment: NodeJS.ProcessEnv): Promise<void> {
  const env = readConfiguration(databasesSettings, environment);
  const own = new URL(env.DATABASE_URL);
  const client = await connectToPostgres(env.OGR_POSTGRES_URL, env.OGR_POSTGRES_PASSWORD);
  try {
    const [user, password, database] = [own.username, own.password, own.pathname.slice(1)].map(decodeURIComponent) as [
      string,
      string,
      string,
    ];
    await ensureAccount(client, user, password);
    await ensureDatabase(client, database, user);
    await ensureAccount(client, TEMPORAL_ACCOUNT, env.OGR_TEMPORAL_DATABASE_PASSWORD);
    for (const name of TEMPORAL_DATABASES) await ensureDatabase(client, name, TEMPORAL_ACCOUNT);
  } finally {
    await client.end();
  }
}

/** Errors of a server that is not reachable yet or is still starting. */
const RETRYABLE_CODES: ReadonlySet<string> = new Set(["ECONNREFUSED", "ECONNRESET", "ENOTFOUND", "EAI_AGAIN", "57P03"]);

async function connectToPostgres(address: string, password: string): Promise<pg.Client> {
  const url = new URL(address);
  url.password = encodeURIComponent(password);
  let lastError: unknown;
  const client = await poll(
    async () => {
      const candidate = new pg.Client({ connectionString: url.href, connectionTimeoutMillis: 5_000 });
      try {
        await candidate.connect();
        return candidate;
      } catch (error) {
        await candidate.end();
        if (!RETRYABLE_CODES.has((error as { code?: string }).code ?? "")) throw error;
        lastError = error;
        return undefined;
      }
    },
    { timeoutMs: CONNECT_TIMEOUT_MS, everyMs: 500 },
  );
  if (client === undefined) throw new Error(`Postgres accepted no connection within ${CONNECT_TIMEOUT_MS / 1000} s`, { cause: lastError });
  return client;
}

async function ensureAccount(client: pg.Client, name: string, password: string): Promise<void> {
  const account = client.escapeIdentifier(name);
  const { rowCount } = await client.query("select 1 from pg_roles where rolname = $1", [name]);
  if (rowCount === 0) await client.query(`create role ${account} login`);
  await client.query(`alter role ${account} password ${client.escapeLiteral(password)}`);
}

async function ensureDatabase(client: pg.Client, name: string, owner: string): Promise<void> {
  const [database, account] = [client.escapeIdentifier(name), client.escapeIdentifier(owner)];
  const { rowCount } = await client.query("select 1 from pg_database where datname = $1", [name]);
  if (rowCount === 0) await client.query(`create database ${database} owner ${account}`);
  await client.query(`revoke connect on database ${database} from public`);
}
