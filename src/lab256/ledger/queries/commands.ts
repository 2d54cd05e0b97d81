import type { Selectable } from "kysely";
import type { Target } from "../../../domain/ids.js";
import type { Db } from "../../database/database.js";
import type { ProjectionTables } from "../../database/tables/projections.js";
import { type ActsQuery, computeRowLimit, type Page, type PageRequest, toPage } from "./page.js";

/** A command with its envelope and its outcome. */
export type CommandItem = Selectable<ProjectionTables["commands"]>;

export interface CommandsQuery extends PageRequest {
  readonly tenant_id: string;
  readonly target?: Target | undefined;
  /** Only commands without a receipt or another end. */
  readonly pending?: boolean | undefined;
}

/**
 * Lists a tenant's commands in the order in which they were issued, so that a runner that pulls gets the oldest first. Source: ADR-002
 * §10.
 */
export async function listCommands(db: Db, query: CommandsQuery): Promise<Page<CommandItem>> {
  let select = db.selectFrom("commands").selectAll().where("tenant_id", "=", query.tenant_id);
  if (query.target !== undefined) select = select.where("target", "=", query.target);
  if (query.pending === true) select = select.where("status", "=", "running");
  if (query.after !== undefined) select = select.where("seq", ">", query.after);
  const rows = await select.orderBy("seq").limit(computeRowLimit(query)).execute();
  return toPage(rows, query, (row) => row);
}

/** A command in a list, with its outcome and without its envelope. */
export type CommandSummary = Omit<CommandItem, "envelope">;

const SUMMARY_COLUMNS = [
  ...(["tenant_id", "seq", "jti", "job_id", "job_type", "project_id", "target", "actor_id", "office_id", "card_id"] as const),
  ...(["workflow_id", "envelope_digest", "status", "denial_code", "denial_message", "issued_at", "finished_at"] as const),
] as const;

/** Lists a tenant's commands, the latest issued first. */
export async function listLatestCommands(db: Db, query: ActsQuery): Promise<Page<CommandSummary>> {
  let select = db.selectFrom("commands").select(SUMMARY_COLUMNS).where("tenant_id", "=", query.tenant_id);
  if (query.status !== undefined) select = select.where("status", "=", query.status);
  if (query.project_id !== undefined) select = select.where("project_id", "=", query.project_id);
  if (query.after !== undefined) select = select.where("seq", "<", query.after);
  const rows = await select.orderBy("seq", "desc").limit(computeRowLimit(query)).execute();
  return toPage(rows, query, (row) => row);
}

export async function findCommandByJti(db: Db, query: Pick<CommandItem, "tenant_id" | "jti">): Promise<CommandItem | undefined> {
  return db.selectFrom("commands").selectAll().where("tenant_id", "=", query.tenant_id).where("jti", "=", query.jti).executeTakeFirst();
}
