import { sql } from "kysely";
import type { Db, Trx } from "../database/database.js";
import { readSchemaName } from "../database/schema-name.js";
import { PROJECTION_KEYS, PROJECTIONS, type ProjectionName } from "../database/tables/projections.js";
import { replayEntries } from "./replay.js";

/** A row that does not match the ledger: `missing` from the table, `surplus` in it, or `different`. */
export interface ProjectionDifference {
  readonly table: ProjectionName;
  readonly row: Readonly<Record<string, unknown>>;
  readonly code: "missing" | "surplus" | "different";
}

export type ProjectionsVerdict =
  | { readonly ok: true; readonly entries: number }
  | { readonly ok: false; readonly entries: number; readonly differences: readonly ProjectionDifference[] };

/** The maximum number of differences listed per table; there can be more. */
export const DIFFERENCES_MAX = 100;

/**
 * Compares a tenant's projections, row by row, with what the ledger alone yields. Reads one snapshot, blocks no writer and changes
 * nothing: the ledger is replayed into temporary tables that shadow the real ones within this transaction.
 */
export async function verifyProjections(db: Db, tenantId: string): Promise<ProjectionsVerdict> {
  return db
    .transaction()
    .setIsolationLevel("repeatable read")
    .execute(async (trx) => {
      const schema = await readSchemaName(trx);
      for (const table of PROJECTIONS)
        await sql`create temporary table ${sql.id(table)} (like ${sql.id(schema, table)} including all) on commit drop`.execute(trx);
      const entries = await replayEntries(trx, tenantId);
      const differences: ProjectionDifference[] = [];
      for (const table of PROJECTIONS) differences.push(...(await findDifferences(trx, schema, table, tenantId)));
      return differences.length === 0 ? { ok: true, entries } : { ok: false, entries, differences };
    });
}

/** Compares whole rows as text, including JSON columns: their text is canonical, so equal values have equal text. */
async function findDifferences(trx: Trx, schema: string, table: ProjectionName, tenantId: string): Promise<ProjectionDifference[]> {
  const columns = PROJECTION_KEYS[table].map((name) => ({ name, built: sql`built.${sql.id(name)}`, kept: sql`kept.${sql.id(name)}` }));
  const key = sql.join(columns.flatMap(({ name, built, kept }) => [sql.lit(name), sql`coalesce(${built}, ${kept})`]));
  const same = sql.join(
    columns.map(({ built, kept }) => sql`${built} = ${kept}`),
    sql` and `,
  );
  const { rows } = await sql<Omit<ProjectionDifference, "table">>`
    select json_build_object(${key}) as row,
      case when kept.tenant_id is null then 'missing' when built.tenant_id is null then 'surplus' else 'different' end as code
    from (select * from ${sql.id("pg_temp", table)} where tenant_id = ${tenantId}) as built
    full join (select * from ${sql.id(schema, table)} where tenant_id = ${tenantId}) as kept on ${same}
    where built::text is distinct from kept::text
    order by coalesce(built.seq, kept.seq) limit ${DIFFERENCES_MAX}`.execute(trx);
  return rows.map((row) => ({ table, ...row }));
}
