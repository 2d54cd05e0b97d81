import { sql } from "kysely";
import type { Db } from "../database/database.js";

/** Reads up to which entry the tenant's ledger has been searched with nothing left to append; 0 at first. */
export async function readTelemetryCursor(db: Db, tenantId: string): Promise<number> {
  const row = await db.selectFrom("telemetry_cursors").select("passed_seq").where("tenant_id", "=", tenantId).executeTakeFirst();
  return row?.passed_seq ?? 0;
}

/** Advances the cursor; it never moves back. */
export async function advanceTelemetryCursor(db: Db, tenantId: string, passedSeq: number): Promise<void> {
  await db
    .insertInto("telemetry_cursors")
    .values({ tenant_id: tenantId, passed_seq: passedSeq })
    .onConflict((conflict) =>
      conflict.column("tenant_id").doUpdateSet({ passed_seq: sql<number>`greatest(telemetry_cursors.passed_seq, ${passedSeq})` }),
    )
    .execute();
}
