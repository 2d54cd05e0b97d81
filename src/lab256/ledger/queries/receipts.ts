import type { Receipt, Refusal } from "../../../domain/permit/receipt.js";
import type { Db } from "../../database/database.js";
import { PAGE_ROWS_MAX } from "./page.js";

export async function findReceiptByJti(db: Db, query: { readonly tenant_id: string; readonly jti: string }): Promise<Receipt | undefined> {
  const row = await db
    .selectFrom("receipts")
    .select("receipt")
    .where("tenant_id", "=", query.tenant_id)
    .where("jti", "=", query.jti)
    .executeTakeFirst();
  return row?.receipt;
}

/** Lists the refusals of envelopes with this `jti`, in order; at most PAGE_ROWS_MAX. */
export async function listRefusalsByJti(db: Db, query: { readonly tenant_id: string; readonly jti: string }): Promise<Refusal[]> {
  const rows = await db
    .selectFrom("refusals")
    .select("refusal")
    .where("tenant_id", "=", query.tenant_id)
    .where("jti", "=", query.jti)
    .orderBy("seq")
    .limit(PAGE_ROWS_MAX)
    .execute();
  return rows.map((row) => row.refusal);
}
