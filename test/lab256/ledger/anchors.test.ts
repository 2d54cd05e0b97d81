import pg from "pg";
import { describe, expect, inject, it } from "vitest";
import { toRegistryContainer } from "../../../src/domain/ledger/event.js";
import { openDatabase } from "../../../src/lab256/database/database.js";
import { findUnanchoredHead, measureAnchorAge, readEntryHashes, recordAnchor, verifyAnchors } from "../../../src/lab256/ledger/anchors.js";
import { readChainHead, verifyChain } from "../../../src/lab256/ledger/chain.js";
import { buildActivity, buildRegistered, TENANT } from "./events.js";
import { useLedgerDatabase } from "./ledger-database.js";

const ledger = useLedgerDatabase("ledger anchors");
const container = toRegistryContainer(TENANT);

/** Copies the database, as a backup and its restore would. */
async function createBackup(): Promise<string> {
  const admin = new pg.Client({ connectionString: inject("servers").database_url });
  await admin.connect();
  try {
    const copy = `${ledger.name}_backup`;
    await admin.query("select pg_terminate_backend(pid) from pg_stat_activity where datname = $1", [ledger.name]);
    await admin.query(`create database "${copy}" template "${ledger.name}"`);
    const url = new URL(ledger.url);
    url.pathname = `/${copy}`;
    return url.href;
  } finally {
    await admin.end();
  }
}

async function dropBackup(): Promise<void> {
  const admin = new pg.Client({ connectionString: inject("servers").database_url });
  await admin.connect();
  await admin.query(`drop database "${ledger.name}_backup" with (force)`);
  await admin.end();
}

async function readEntryTime(chain: string, seq: number): Promise<number> {
  const read = ledger.db.selectFrom("ledger_entries").select("at_ms").where("container", "=", chain).where("seq", "=", seq);
  return (await read.executeTakeFirstOrThrow()).at_ms;
}

describe("anchors", () => {
  it("are due once after the chain has grown", async () => {
    expect(await findUnanchoredHead(ledger.db, "C.Registry::T.Due")).toBeUndefined();
    await ledger.appendOrThrow([buildRegistered("P.demo")], "T.Due");
    const head = await findUnanchoredHead(ledger.db, "C.Registry::T.Due");
    expect(head).toEqual(await readChainHead(ledger.db, "C.Registry::T.Due"));
    if (head === undefined) return;
    const at = await readEntryTime("C.Registry::T.Due", 1);
    expect(await measureAnchorAge(ledger.db, at + 60_000)).toBe(60_000);
    await recordAnchor(ledger.db, "C.Registry::T.Due", head, 5);
    expect(await measureAnchorAge(ledger.db, at + 60_000)).toBe(0);
    await recordAnchor(ledger.db, "C.Registry::T.Due", head, 6);
    expect(await findUnanchoredHead(ledger.db, "C.Registry::T.Due")).toBeUndefined();
    await ledger.appendOrThrow([buildActivity("P.demo", 1)], "T.Due");
    expect(await findUnanchoredHead(ledger.db, "C.Registry::T.Due")).toMatchObject({ seq: 2 });
    await ledger.appendOrThrow([buildActivity("P.demo", 2)], "T.Due");
    expect(await measureAnchorAge(ledger.db, (await readEntryTime("C.Registry::T.Due", 2)) + 5_000)).toBe(5_000);
  });

  it("reveal a database that was restored from an older backup although its chain is unbroken", async () => {
    await ledger.appendOrThrow([buildRegistered("P.demo")]);
    const early = await readChainHead(ledger.db, container);
    const restoredUrl = await createBackup();
    await ledger.appendOrThrow([buildActivity("P.demo", 1), buildActivity("P.demo", 2)]);
    const late = await readChainHead(ledger.db, container);
    const anchors = [late, early];
    const restored = openDatabase(restoredUrl, { maxConnections: 1 });
    try {
      const seqs = anchors.map(({ seq }) => seq);
      expect(verifyAnchors(await readEntryHashes(ledger.db, container, seqs), anchors)).toEqual({ ok: true, anchored_seq: 3 });
      expect(await verifyChain(restored, container)).toMatchObject({ ok: true, head: early });
      expect(verifyAnchors(await readEntryHashes(restored, container, seqs), anchors)).toMatchObject({ ok: false, seq: 3, code: "older" });
    } finally {
      await restored.destroy();
      await dropBackup();
    }
  });

  it("reveal another history of the same length", () => {
    const verdict = verifyAnchors(
      new Map([
        [1, "a"],
        [2, "x"],
      ]),
      [
        { seq: 2, hash: "b" },
        { seq: 1, hash: "a" },
      ],
    );
    expect(verdict).toMatchObject({ ok: false, seq: 2, code: "differs" });
  });

  it("verify if there are none", () => {
    expect(verifyAnchors(new Map(), [])).toEqual({ ok: true, anchored_seq: 0 });
  });
});
