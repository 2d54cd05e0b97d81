import { type RawBuilder, sql } from "kysely";
import { describe, expect, it } from "vitest";
import { GENESIS_HASH, toRegistryContainer } from "../../../src/domain/ledger/event.js";
import { verifyChain } from "../../../src/lab256/ledger/chain.js";
import { buildActivity, buildCardOpened, buildRegistered } from "./events.js";
import { useLedgerDatabase } from "./ledger-database.js";

const ledger = useLedgerDatabase("ledger chain");

/** Runs a statement with the guards off, as an operator could. */
async function tamper(statement: RawBuilder<unknown>): Promise<void> {
  await ledger.db.transaction().execute(async (trx) => {
    for (const table of ["ledger_entries", "ledger_heads"]) await sql`alter table ${sql.table(table)} disable trigger all`.execute(trx);
    await statement.execute(trx);
    for (const table of ["ledger_entries", "ledger_heads"]) await sql`alter table ${sql.table(table)} enable trigger all`.execute(trx);
  });
}

async function readChain(tenantId: string): Promise<string> {
  await ledger.appendOrThrow([buildRegistered("P.demo"), buildActivity("P.demo", 1), buildActivity("P.demo", 2)], tenantId);
  return toRegistryContainer(tenantId);
}

describe("verifyChain", () => {
  it("returns the head of an unbroken chain with any text in its payloads", async () => {
    const container = toRegistryContainer("T.Good");
    await ledger.appendOrThrow([buildCardOpened("k-1"), buildActivity("P.démo \u{1f600}", 1)], "T.Good");
    expect(await verifyChain(ledger.db, container)).toMatchObject({ ok: true, head: { seq: 2 } });
  });

  it("returns the genesis hash for an empty chain", async () => {
    expect(await verifyChain(ledger.db, "C.Registry::T.Empty")).toEqual({ ok: true, head: { seq: 0, hash: GENESIS_HASH } });
  });

  it("verifies a chain of more than one page", async () => {
    await ledger.appendOrThrow(
      Array.from({ length: 501 }, (_, n) => buildActivity("P.demo", n)),
      "T.Long",
    );
    expect(await verifyChain(ledger.db, toRegistryContainer("T.Long"))).toMatchObject({ ok: true, head: { seq: 501 } });
  });

  it("names an entry whose payload was changed", async () => {
    const container = await readChain("T.Payload");
    await tamper(
      sql`update ledger_entries set payload = replace(payload::text, 'push', 'tag')::json where container = ${container} and seq = 2`,
    );
    expect(await verifyChain(ledger.db, container)).toMatchObject({ ok: false, break: { seq: 2, code: "hash_differs" } });
  });

  it("names an entry whose time was changed", async () => {
    const container = await readChain("T.Time");
    await tamper(sql`update ledger_entries set at_ms = at_ms + 1 where container = ${container} and seq = 3`);
    expect(await verifyChain(ledger.db, container)).toMatchObject({ ok: false, break: { seq: 3, code: "hash_differs" } });
  });

  it("names an entry whose payload has a duplicate member", async () => {
    const container = await readChain("T.Twice");
    await tamper(
      sql`update ledger_entries set payload = replace(payload::text, '{"action"', '{"action":"tag","action"')::json where container = ${container} and seq = 2`,
    );
    expect(await verifyChain(ledger.db, container)).toMatchObject({ ok: false, break: { seq: 2, code: "payload_not_canonical" } });
  });

  it("names the place of a removed entry", async () => {
    const container = await readChain("T.Gap");
    await tamper(sql`delete from ledger_entries where container = ${container} and seq = 2`);
    expect(await verifyChain(ledger.db, container)).toMatchObject({ ok: false, break: { seq: 2, code: "missing" } });
  });

  it("names the entry after a changed one whose hash was recomputed", async () => {
    const container = await readChain("T.Rehash");
    await tamper(sql`update ledger_entries set hash = repeat('a', 64) where container = ${container} and seq = 1`);
    expect(await verifyChain(ledger.db, container)).toMatchObject({ ok: false, break: { seq: 1, code: "hash_differs" } });
    await tamper(sql`update ledger_entries set prev_hash = repeat('b', 64) where container = ${container} and seq = 1`);
    expect(await verifyChain(ledger.db, container)).toMatchObject({ ok: false, break: { seq: 1, code: "not_linked" } });
  });

  it("detects that the newest entries were removed", async () => {
    const container = await readChain("T.Cut");
    await tamper(sql`delete from ledger_entries where container = ${container} and seq = 3`);
    expect(await verifyChain(ledger.db, container)).toMatchObject({ ok: false, break: { seq: 3, code: "head_differs" } });
  });
});
