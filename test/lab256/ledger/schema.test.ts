import { readFile } from "node:fs/promises";
import { sql } from "kysely";
import { describe, expect, it } from "vitest";
import { openDatabase } from "../../../src/lab256/database/database.js";
import { migrateDatabase } from "../../../src/lab256/database/migrate.js";
import { readSchemaText } from "../../../src/lab256/database/schema-text.js";
import { createDatabase, createEmptyDatabase } from "../../harness/database.js";
import { useLedgerDatabase } from "./ledger-database.js";

const ledger = useLedgerDatabase("ledger schema");
const file = new URL("../../../config/schemas.sql", import.meta.url);

describe("the schema", () => {
  it("in config/schemas.sql equals the result of the migrations", async () => {
    expect(await readSchemaText(ledger.db), "run `npx tsx scripts/schema.ts`").toBe(await readFile(file, "utf8"));
  });

  it("in config/schemas.sql creates the same database", async () => {
    const created = await createEmptyDatabase("schema again");
    const db = openDatabase(created.url, { maxConnections: 1 });
    try {
      await sql.raw(await readFile(file, "utf8")).execute(db);
      expect(await readSchemaText(db)).toBe(await readSchemaText(ledger.db));
    } finally {
      await db.destroy();
      await created.drop();
    }
  });

  it("in its printed form shows every kind of change", async () => {
    const before = await readSchemaText(ledger.db);
    const changes = [
      "alter table cards add column extra text default 'x'",
      "alter table cards alter column intent drop not null",
      "create index extra on cards (intent)",
      "alter table cards add constraint extra check (round >= 0)",
      "create function extra() returns int language sql as 'select 1'",
      "alter table ledger_entries disable trigger ledger_entries_keep",
    ];
    for (const change of changes) {
      const rolledBack = ledger.db.transaction().execute(async (trx) => {
        await sql.raw(change).execute(trx);
        expect(await readSchemaText(trx), change).not.toBe(before);
        throw new Error("roll back");
      });
      await expect(rolledBack).rejects.toThrow("roll back");
    }
  });
});

describe("migrate", () => {
  it("can run in several processes at once", async () => {
    const created = await createEmptyDatabase("migrate at once");
    const pools = Array.from({ length: 8 }, () => openDatabase(created.url, { maxConnections: 1 }));
    try {
      await Promise.all(pools.map((db) => migrateDatabase(db)));
      expect(await readSchemaText(ledger.db)).toBe(await readFile(file, "utf8"));
    } finally {
      await Promise.all(pools.map((db) => db.destroy()));
      await created.drop();
    }
  });

  it("fails with the remedy if a newer release has migrated the database", async () => {
    const created = await createDatabase("migrated by newer");
    const db = openDatabase(created.url, { maxConnections: 1 });
    try {
      await migrateDatabase(db);
      await sql`insert into kysely_migration (name, timestamp) values ('9999-future', now()::text)`.execute(db);
      await expect(migrateDatabase(db)).rejects.toThrow("a newer release may have migrated it");
    } finally {
      await db.destroy();
      await created.drop();
    }
  });
});
