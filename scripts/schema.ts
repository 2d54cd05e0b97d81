import { randomBytes } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import pg from "pg";
import { openDatabase } from "../src/lab256/database/database.js";
import { migrateDatabase } from "../src/lab256/database/migrate.js";
import { readSchemaText } from "../src/lab256/database/schema-text.js";

const FILE = new URL("../config/schemas.sql", import.meta.url);

/** Reads the schema that the migrations create in a scratch database on the server at `adminUrl`. */
async function readFreshSchema(adminUrl: string): Promise<string> {
  const name = `ogr_schema_${randomBytes(6).toString("hex")}`;
  const admin = new pg.Client({ connectionString: adminUrl });
  await admin.connect();
  try {
    await admin.query(`create database ${name}`);
    const url = new URL(adminUrl);
    url.pathname = `/${name}`;
    const db = openDatabase(url.href, { maxConnections: 1 });
    try {
      await migrateDatabase(db);
      return await readSchemaText(db);
    } finally {
      await db.destroy();
      await admin.query(`drop database ${name}`);
    }
  } finally {
    await admin.end();
  }
}

const adminUrl = process.env["DATABASE_URL"];
if (!adminUrl) {
  console.error("Set DATABASE_URL to a Postgres on which a scratch database may be created; `npm run dev` prints the one it runs.");
  process.exit(2);
}
const schema = await readFreshSchema(adminUrl);
if (process.argv.includes("--check")) {
  if ((await readFile(FILE, "utf8")) !== schema) {
    console.error("config/schemas.sql differs from the migrations: run `npx tsx scripts/schema.ts` and commit it.");
    process.exit(1);
  }
} else {
  await writeFile(FILE, schema);
}
