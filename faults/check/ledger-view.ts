import { blake3 } from "hash-wasm";
import pg from "pg";
import { toJcs } from "./canonical.js";

export interface Entry {
  readonly seq: number;
  readonly type: string;
  readonly key: string;
  readonly hash: string;
  readonly payload: unknown;
}

export interface LedgerView {
  readonly entries: readonly Entry[];
  readonly commands: readonly { readonly jti: string; readonly status: string }[];
  readonly cards: readonly { readonly card_id: string; readonly status: string; readonly jti: string | null }[];
  readonly receipts: readonly string[];
  /** The catalog's refs by project. */
  readonly refs: ReadonlyMap<string, ReadonlyMap<string, string>>;
  readonly violations: readonly string[];
}

type Row = Record<"container" | "seq" | "tenant_id" | "type" | "key" | "at_ms" | "payload" | "prev_hash" | "hash", string>;

const GENESIS = "0".repeat(64);

/** Reads and verifies a tenant's ledger and its projections with separate SQL and hashing. */
export async function readLedger(databaseUrl: string, tenant: string): Promise<LedgerView> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    const queryRows = async <T>(text: string) => (await client.query(text, [tenant])).rows as T[];
    const rows = await queryRows<Row>(
      "select container, seq, tenant_id, type, key, at_ms, payload::text as payload, prev_hash, hash from ledger_entries where tenant_id = $1 order by seq",
    );
    const refs = new Map<string, Map<string, string>>();
    const violations = await findChainViolations(rows);
    // An id that a ref has left keeps its row with a balance of 0.
    for (const { project_id, name, object_id, balance } of await queryRows<Record<"project_id" | "name" | "object_id" | "balance", string>>(
      "select project_id, name, object_id, balance::text as balance from registry_refs where tenant_id = $1 and balance <> 0",
    )) {
      const standing = refs.get(project_id) ?? new Map<string, string>();
      if (balance !== "1" || standing.has(name))
        violations.push(`the catalog has ${project_id} ${name} at ${object_id} with balance ${balance}, or also at another id`);
      refs.set(project_id, standing.set(name, object_id));
    }
    return {
      entries: rows.map(({ seq, type, key, hash, payload }) => ({ seq: Number(seq), type, key, hash, payload: JSON.parse(payload) })),
      commands: await queryRows("select jti, status from commands where tenant_id = $1"),
      cards: await queryRows("select card_id, status, jti from cards where tenant_id = $1"),
      receipts: (await queryRows<{ jti: string }>("select jti from receipts where tenant_id = $1")).map(({ jti }) => jti),
      refs,
      violations,
    };
  } finally {
    await client.end();
  }
}

/** Counts the acts and cards that will end without input by a person. */
export async function countRunning(databaseUrl: string, tenant: string): Promise<number> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    const { rows } = await client.query(
      `select (select count(*) from commands where tenant_id = $1 and status = 'running')::int
            + (select count(*) from cards where tenant_id = $1 and status in ('planning', 'approved', 'running'))::int as count`,
      [tenant],
    );
    return (rows[0] as { count: number }).count;
  } finally {
    await client.end();
  }
}

async function findChainViolations(rows: readonly Row[]): Promise<string[]> {
  const violations: string[] = [];
  let previous = GENESIS;
  for (const [n, row] of rows.entries()) {
    const { hash, payload, seq, at_ms, ...rest } = row;
    if (Number(seq) !== n + 1) violations.push(`entry ${n + 1} of the ledger is missing`);
    if (row.prev_hash !== previous) violations.push(`entry ${seq} is not linked to the one before`);
    const covered = { ...rest, seq: Number(seq), at_ms: Number(at_ms), payload: JSON.parse(payload) as unknown };
    if ((await blake3(toJcs(covered))) !== hash) violations.push(`entry ${seq} does not match its hash`);
    previous = hash;
  }
  return violations;
}
