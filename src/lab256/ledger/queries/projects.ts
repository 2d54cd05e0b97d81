import { type Selectable, sql } from "kysely";
import { ARCHIVED_REF } from "../../../domain/git/ref-name.js";
import { hashRefs } from "../../../domain/git/refs-digest.js";
import type { Db } from "../../database/database.js";
import type { ProjectionTables } from "../../database/tables/projections.js";
import type { NamedPage } from "../../identity/actors.js";
import { type ActivityItem, listActivities } from "./activity.js";
import { computeRowLimit, type Page, type PageRequest, toPage } from "./page.js";
import { listReleases, type ReleaseItem } from "./releases.js";

/** A project in the form of the ADR's query. `last_activity` is in milliseconds since 1970. Source: ADR-002 §7. */
export interface ProjectItem {
  readonly id: string;
  readonly name: string;
  readonly owners: readonly string[];
  readonly visibility: string;
  readonly repo_url: string | null;
  readonly last_activity: number;
  /** Whether the project is archived and accepts no changes. */
  readonly archived: boolean;
}

/** A ref with its current id; `jti` names the act that moved it there. */
export type RefItem = Readonly<Pick<Selectable<ProjectionTables["registry_refs"]>, "name" | "object_id" | "jti" | "moved_at">>;

/** A project with its refs by name, its last releases and its last activities. Source: ADR-002 §7. */
export interface ProjectDetail extends ProjectItem {
  readonly registered_at: number;
  readonly refs: readonly RefItem[];
  /** Whether the project has more refs than REFS_MAX. */
  readonly refs_cut: boolean;
  /** The BLAKE3 of the JCS of an object that maps the names of all refs, including omitted ones, to their ids. */
  readonly refs_digest: string;
  readonly releases: readonly ReleaseItem[];
  readonly activity: readonly ActivityItem[];
}

export const REFS_MAX = 1_000;
const LAST_RELEASES = 10;
const LAST_ACTIVITIES = 20;

const COLUMNS = ["seq", "project_id as id", "name", "owners", "visibility", "repo_url", "registered_at", "last_activity"] as const;

/** The archive mark is a hidden ref that a receipt moved. */
const archived = sql<boolean>`exists (
  select 1 from registry_refs mark where mark.tenant_id = registry_projects.tenant_id and mark.project_id = registry_projects.project_id
    and mark.name = ${ARCHIVED_REF} and mark.balance > 0)`.as("archived");

/** Lists the tenant's projects, the latest registered first. */
export async function listProjects(db: Db, query: PageRequest & { readonly tenant_id: string }): Promise<Page<ProjectItem>> {
  let select = db.selectFrom("registry_projects").select(COLUMNS).select(archived).where("tenant_id", "=", query.tenant_id);
  if (query.after !== undefined) select = select.where("seq", "<", query.after);
  const rows = await select.orderBy("seq", "desc").limit(computeRowLimit(query)).execute();
  return toPage(rows, query, ({ seq: _, registered_at: __, ...project }) => project);
}

/** Finds a project as the catalog lists it. */
export function findProject(db: Db, { tenant_id, project_id }: { readonly tenant_id: string; readonly project_id: string }) {
  return db
    .selectFrom("registry_projects")
    .select(COLUMNS)
    .select(archived)
    .where("tenant_id", "=", tenant_id)
    .where("project_id", "=", project_id)
    .executeTakeFirst();
}

export async function findProjectDetail(
  db: Db,
  query: { readonly tenant_id: string; readonly project_id: string },
): Promise<ProjectDetail | undefined> {
  const { tenant_id, project_id } = query;
  const project = await findProject(db, query);
  if (project === undefined) return undefined;
  const [refs, releases, activity] = await Promise.all([
    selectProjectRefs(db, query).execute(),
    listReleases(db, { tenant_id, project_id, limit: LAST_RELEASES }),
    listActivities(db, { tenant_id, project_id, limit: LAST_ACTIVITIES }),
  ]);
  const { seq: _, ...shown } = project;
  return {
    ...shown,
    refs: refs.slice(0, REFS_MAX),
    refs_cut: refs.length > REFS_MAX,
    refs_digest: hashRefs(refs.map(({ name, object_id }) => [name, object_id])),
    releases: releases.items,
    activity: activity.items,
  };
}

export interface RefsQuery {
  readonly tenant_id: string;
  readonly project_id: string;
  /** Only the ref of this name. */
  readonly name?: string | undefined;
  /** The page size. The caller bounds it. */
  readonly limit: number;
  /** Only names after this one. */
  readonly after?: string | undefined;
}

/** Lists a project's refs by name. */
export async function listProjectRefs(db: Db, { name, limit, after, ...project }: RefsQuery): Promise<NamedPage<RefItem>> {
  let select = selectProjectRefs(db, project).limit(limit + 1);
  if (name !== undefined) select = select.where("name", "=", name);
  if (after !== undefined) select = select.where("name", ">", after);
  const rows = await select.execute();
  return { items: rows.slice(0, limit), next: rows.length > limit ? (rows[limit - 1]?.name ?? null) : null };
}

/** Selects the refs with their current ids. While a receipt is missing, a ref can have two candidates; the last recorded move wins. */
function selectProjectRefs(db: Db, { tenant_id, project_id }: { readonly tenant_id: string; readonly project_id: string }) {
  return db
    .selectFrom("registry_refs")
    .select(["name", "object_id", "jti", "moved_at"])
    .distinctOn("name")
    .where("tenant_id", "=", tenant_id)
    .where("project_id", "=", project_id)
    .where("balance", ">", 0)
    .where("name", "!=", ARCHIVED_REF)
    .orderBy("name")
    .orderBy("seq", "desc");
}

/** Returns whether the tenant has registered this project. */
export async function isProjectRegistered(db: Db, query: { readonly tenant_id: string; readonly project_id: string }): Promise<boolean> {
  const found = await db
    .selectFrom("registry_projects")
    .select("project_id")
    .where("tenant_id", "=", query.tenant_id)
    .where("project_id", "=", query.project_id)
    .executeTakeFirst();
  return found !== undefined;
}
