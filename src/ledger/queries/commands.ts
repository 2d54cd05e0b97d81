import type { Selectable } from "kysely";
import type { Db } from "../../database/database.js";
import type { Target } from "../../domain/ids.js";
import type { CommandsTable } from "../projections/tables.js";
import { type Page, type PageRequest, pageOf, rowsToRead } from "./page.js";

/** A command, its envelope included, and what became of it. */
export type CommandItem = Selectable<CommandsTable>;

export interface CommandsQuery extends PageRequest {
  readonly tenant_id: string;
  readonly target?: Target | undefined;
  /** Only those without a receipt or another end. */
  readonly pending?: boolean | undefined;
}

/** A tenant's commands in the order in which they were issued, so that a runner that pulls gets the oldest first. Source: ADR-002 §10. */
export async function listCommands(db: Db, query: CommandsQuery): Promise<Page<CommandItem>> {
  let select = db.selectFrom("commands").selectAll().where("tenant_id", "=", query.tenant_id);
  if (query.target !== undefined) select = select.where("target", "=", query.target);
  if (query.pending === true) select = select.where("status", "=", "running");
  if (query.after !== undefined) select = select.where("seq", ">", query.after);
  const rows = await select.orderBy("seq").limit(rowsToRead(query)).execute();
  return pageOf(rows, query, (row) => row);
}

export async function commandByJti(db: Db, query: { readonly tenant_id: string; readonly jti: string }): Promise<CommandItem | undefined> {
  return db.selectFrom("commands").selectAll().where("tenant_id", "=", query.tenant_id).where("jti", "=", query.jti).executeTakeFirst();
}

export async function commandByJobId(
  db: Db,
  query: { readonly tenant_id: string; readonly job_id: string },
): Promise<CommandItem | undefined> {
  return db
    .selectFrom("commands")
    .selectAll()
    .where("tenant_id", "=", query.tenant_id)
    .where("job_id", "=", query.job_id)
    .executeTakeFirst();
}
