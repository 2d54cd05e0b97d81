import { type RawBuilder, sql } from "kysely";
import { beforeAll, describe, expect, it } from "vitest";
import { GENESIS_HASH, toRegistryContainer } from "../../../src/domain/ledger/event.js";
import { recordAnchor } from "../../../src/lab256/ledger/anchors.js";
import { readChainHead, verifyChain } from "../../../src/lab256/ledger/chain.js";
import { buildActivity, buildRegistered, OTHER_TENANT, TENANT } from "./events.js";
import { useLedgerDatabase } from "./ledger-database.js";

const ledger = useLedgerDatabase("ledger guards");
const container = toRegistryContainer(TENANT);
const HASH = "a".repeat(64);

function buildEntryInsert(columns: { seq: number; prev_hash: string; container?: string; tenant_id?: string }): RawBuilder<unknown> {
  const { seq, prev_hash, tenant_id = TENANT } = columns;
  return sql`insert into ledger_entries (container, seq, tenant_id, type, key, at_ms, payload, prev_hash, hash)
    values (${columns.container ?? container}, ${seq}, ${tenant_id}, 'project.activity', 'forged', 1, '{}', ${prev_hash}, ${HASH})`;
}

/** Runs as the owner of the tables. With role `replica`, Postgres skips ordinary triggers, as in replication. */
async function readRefusal(statement: RawBuilder<unknown>, role: "origin" | "replica"): Promise<string> {
  try {
    await ledger.db.transaction().execute(async (trx) => {
      await sql`set local session_replication_role = ${sql.lit(role)}`.execute(trx);
      await statement.execute(trx);
    });
    return "accepted";
  } catch (error) {
    return (error as { code: string }).code;
  }
}

beforeAll(async () => {
  await ledger.appendOrThrow([buildRegistered("P.demo"), buildActivity("P.demo", 1), buildActivity("P.demo", 2)]);
  await ledger.appendOrThrow([buildRegistered("P.demo")], OTHER_TENANT);
  await recordAnchor(ledger.db, container, await readChainHead(ledger.db, container), 1);
});

describe.each(["origin", "replica"] as const)("the guards of the database, for its owner in session role %s,", (role) => {
  const restrict = "23001";

  it.each([
    ["an update of an entry", sql`update ledger_entries set payload = '{"a":1}' where seq = 2`],
    [
      "an upsert that changes an entry",
      sql`insert into ledger_entries select * from ledger_entries where seq = 2 on conflict (container, seq) do update set payload = '{}'`,
    ],
    ["a delete of an entry", sql`delete from ledger_entries where seq = 3`],
    ["a truncate of the entries", sql`truncate ledger_entries`],
    ["a truncate of entries and heads", sql`truncate ledger_entries, ledger_heads`],
    [
      "a head with a lower sequence number",
      sql`update ledger_heads set seq = 2, hash = (select hash from ledger_entries e where e.container = ${container} and seq = 2)`,
    ],
    ["an update that does not advance the head", sql`update ledger_heads set seq = seq`],
    ["a head without its entry", sql`update ledger_heads set seq = seq + 1, hash = ${HASH}`],
    ["a head that changes tenant", sql`update ledger_heads set tenant_id = 'T.Evil'`],
    ["a delete of a head", sql`delete from ledger_heads`],
    ["a truncate of the heads", sql`truncate ledger_heads`],
    ["a new head that is not at the genesis", sql`insert into ledger_heads values ('C.Registry::T.New', 'T.New', 5, ${HASH})`],
    ["a delete of an anchor", sql`delete from ledger_anchors`],
    ["an update of an anchor", sql`update ledger_anchors set seq = 1`],
    ["a truncate of the anchors", sql`truncate ledger_anchors`],
  ])("refuse %s", async (_, statement) => {
    expect(await readRefusal(statement, role)).toBe(restrict);
  });

  it("refuse an entry that does not continue the chain", async () => {
    const { seq, hash } = await readChainHead(ledger.db, container);
    expect(await readRefusal(buildEntryInsert({ seq: seq + 2, prev_hash: hash }), role)).toBe(restrict);
    expect(await readRefusal(buildEntryInsert({ seq: seq + 1, prev_hash: HASH }), role)).toBe(restrict);
    expect(await readRefusal(buildEntryInsert({ seq: 0, prev_hash: GENESIS_HASH }), role)).toBe(restrict);
    expect(await readRefusal(buildEntryInsert({ seq: seq + 1, prev_hash: hash, tenant_id: OTHER_TENANT }), role)).toBe(restrict);
    expect(await readRefusal(buildEntryInsert({ seq: 1, prev_hash: GENESIS_HASH, container: "C.Registry::T.None" }), role)).toBe(restrict);
  });

  it("ignore a temporary table with the name of the heads table", async () => {
    const { seq } = await readChainHead(ledger.db, container);
    const outcome = await ledger.db
      .transaction()
      .execute(async (trx) => {
        await sql`set local session_replication_role = ${sql.lit(role)}`.execute(trx);
        await sql`create temporary table ledger_heads on commit drop as select container, tenant_id, 40::bigint as seq, hash from public.ledger_heads`.execute(
          trx,
        );
        const { rows } = await sql<{ hash: string }>`select hash from pg_temp.ledger_heads where container = ${container}`.execute(trx);
        await buildEntryInsert({ seq: 41, prev_hash: rows[0]?.hash ?? "" }).execute(trx);
      })
      .then(
        () => "accepted",
        (error: { code: string }) => error.code,
      );
    expect(outcome).toBe(restrict);
    expect(await verifyChain(ledger.db, container)).toMatchObject({ ok: true, head: { seq } });
  });
});
