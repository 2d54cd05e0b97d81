import { type QueryExecutorProvider, sql } from "kysely";

/**
 * Returns the schema in which this connection creates tables. Queries that must not read a temporary table of the same name qualify it.
 *
 * @throws if the connection's `search_path` names no existing schema.
 */
export async function readSchemaName(db: QueryExecutorProvider): Promise<string> {
  const { rows } = await sql<{ schema: string | null }>`select current_schema() as schema`.execute(db);
  const schema = rows[0]?.schema;
  if (schema) return schema;
  throw new Error("The database's search_path names no schema: create one, for instance `create schema public`.");
}
