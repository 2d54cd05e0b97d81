import { type Selectable, sql } from "kysely";
import type { Db } from "../../database/database.js";
import type { PermitStatus, ProjectionTables } from "../../database/tables/projections.js";
import { type ActsQuery, computeRowLimit, type Page, toPage } from "./page.js";

export type CardRow = Selectable<ProjectionTables["cards"]>;
export type CardStatementRow = Selectable<ProjectionTables["card_statements"]>;
export type CardAttestationRow = Selectable<ProjectionTables["card_attestations"]>;

/** A card in a list, without the members that only its own page shows. */
export type CardItem = Omit<CardRow, "plan" | "params" | "context" | "card">;

export interface CardDetail extends CardRow {
  /** What has become of the permit `jti`. */
  readonly permit_status: PermitStatus | null;
  /** In the order in which they were recorded; at most STATEMENTS_MAX. Withdrawals and void approvals are left out first, then the oldest. */
  readonly statements: readonly CardStatementRow[];
  /** In the order in which they were recorded; at most ATTESTATIONS_MAX. */
  readonly attestations: readonly CardAttestationRow[];
}

export const STATEMENTS_MAX = 1_000;
export const ATTESTATIONS_MAX = 100;

/** Whether a statement can decide its card. Anybody can make any number of others, which must not hide one that does. */
const STANDS = sql<boolean>`(decision <> 'withdraw' and void_why is null)`;

const ITEM_COLUMNS = [
  ...([
    "tenant_id",
    "seq",
    "card_id",
    "status",
    "level",
    "job_id",
    "job_type",
    "project_id",
    "target",
    "office_id",
    "author",
    "intent",
    "break_glass",
  ] as const),
  ...(["subject_hash", "run", "round", "plan_digest", "requires", "missing", "reasons", "decide_by", "permit_ttl_ms", "void_why"] as const),
  ...(["run_by", "jti", "denial", "workflow_id", "opened_at", "updated_at", "closed_at"] as const),
] as const;

/** Lists a tenant's cards, the latest opened first. */
export async function listCards(db: Db, query: ActsQuery): Promise<Page<CardItem>> {
  let select = db.selectFrom("cards").select(ITEM_COLUMNS).where("tenant_id", "=", query.tenant_id);
  if (query.status !== undefined) select = select.where("status", "=", query.status);
  if (query.project_id !== undefined) select = select.where("project_id", "=", query.project_id);
  if (query.after !== undefined) select = select.where("seq", "<", query.after);
  const rows = await select.orderBy("seq", "desc").limit(computeRowLimit(query)).execute();
  return toPage(rows, query, (row) => row);
}

export async function findCard(db: Db, query: { readonly tenant_id: string; readonly card_id: string }): Promise<CardDetail | undefined> {
  const { tenant_id, card_id } = query;
  const card = await db
    .selectFrom("cards")
    .selectAll()
    .where("tenant_id", "=", tenant_id)
    .where("card_id", "=", card_id)
    .executeTakeFirst();
  if (card === undefined) return undefined;
  const statements = db.selectFrom("card_statements").selectAll().where("tenant_id", "=", tenant_id).where("card_id", "=", card_id);
  const attestations = db.selectFrom("card_attestations").selectAll().where("tenant_id", "=", tenant_id).where("card_id", "=", card_id);
  const permit = db.selectFrom("permits").select("status").where("tenant_id", "=", tenant_id).where("jti", "=", card.jti);
  const [issued, said, attested] = await Promise.all([
    card.jti === null ? undefined : permit.executeTakeFirst(),
    statements.orderBy(STANDS, "desc").orderBy("seq", "desc").limit(STATEMENTS_MAX).execute(),
    attestations.orderBy("seq").limit(ATTESTATIONS_MAX).execute(),
  ]);
  return {
    ...card,
    permit_status: issued?.status ?? null,
    statements: said.sort((one, other) => one.seq - other.seq),
    attestations: attested,
  };
}
