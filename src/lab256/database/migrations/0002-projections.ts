import { sql } from "kysely";
import { buildOpenFunction } from "../../ledger/open-function.js";

const REGISTRY = sql`
create table registry_projects (
  tenant_id text not null, project_id text not null, seq bigint not null,
  name text not null, owners json not null, visibility text not null, repo_url text,
  registered_at bigint not null, last_activity bigint not null,
  constraint registry_projects_pkey primary key (tenant_id, project_id)
);
create index registry_projects_newest on registry_projects (tenant_id, seq);
create table registry_refs (
  tenant_id text not null, project_id text not null, name text not null, object_id text not null, seq bigint not null,
  balance bigint not null, jti text not null, moved_at bigint not null,
  constraint registry_refs_pkey primary key (tenant_id, project_id, name, object_id)
);
create index registry_refs_current on registry_refs (tenant_id, project_id, name, seq) where balance > 0;
create table registry_releases (
  tenant_id text not null, project_id text not null, tag text not null, seq bigint not null,
  commit text not null, notes_hash text not null, tagged_at bigint not null,
  constraint registry_releases_pkey primary key (tenant_id, project_id, tag)
);
create index registry_releases_newest on registry_releases (tenant_id, seq);
create index registry_releases_of_project on registry_releases (tenant_id, project_id, seq);
create table registry_activity (
  tenant_id text not null, seq bigint not null, project_id text not null,
  action text not null, actor text not null, ref text not null, commit text not null, at_ms bigint not null,
  constraint registry_activity_pkey primary key (tenant_id, seq)
);
create index registry_activity_of_project on registry_activity (tenant_id, project_id, seq)`;

const ACTS = sql`
create table commands (
  tenant_id text not null, jti text not null, seq bigint not null, job_id text not null,
  job_type text not null, project_id text not null, target text not null, actor_id text not null, office_id text not null,
  card_id text, workflow_id text not null, envelope json not null, envelope_digest text not null,
  status text not null, denial_code text, denial_message text, issued_at bigint not null, finished_at bigint,
  constraint commands_pkey primary key (tenant_id, jti),
  constraint commands_job_id unique (tenant_id, job_id)
);
create index commands_pending on commands (tenant_id, target, seq) where status = 'running';
create index commands_newest on commands (tenant_id, seq);
create table receipts (
  tenant_id text not null, jti text not null, seq bigint not null, job_id text not null,
  job_type text not null, project_id text not null, status text not null, actor_id text not null, card_id text,
  receipt json not null, finished_at bigint not null,
  constraint receipts_pkey primary key (tenant_id, jti)
);
create index receipts_job_id on receipts (tenant_id, job_id);
create table refusals (
  tenant_id text not null, envelope_digest text not null, seq bigint not null, jti text not null, job_id text not null,
  code text not null, card_id text, refusal json not null, finished_at bigint not null,
  constraint refusals_pkey primary key (tenant_id, envelope_digest)
);
create index refusals_jti on refusals (tenant_id, jti, seq);
create table permits (
  tenant_id text not null, jti text not null, seq bigint not null, card_id text, actor_id text not null, intent text not null,
  subject_hash text not null, permit json not null, status text not null, issued_at bigint not null, exp bigint not null,
  ended_at bigint, end_reason text, ended_by text,
  constraint permits_pkey primary key (tenant_id, jti)
);
create index permits_card on permits (tenant_id, card_id, seq) where card_id is not null;
create index permits_unused on permits (tenant_id, exp) where status = 'issued'`;

const CARDS = sql`
create table cards (
  tenant_id text not null, card_id text not null, seq bigint not null, status text not null, level text,
  job_id text not null, job_type text not null, project_id text not null, target text not null, office_id text not null,
  author json not null, intent text not null, context json not null, params json not null, subject_hash text not null,
  card json not null,
  run text not null, round bigint not null, plan json, plan_digest text,
  requires json not null, missing json not null, reasons json not null,
  decide_by bigint, permit_ttl_ms bigint, run_by bigint, jti text, denial json, workflow_id text not null,
  opened_at bigint not null, updated_at bigint not null, closed_at bigint,
  constraint cards_pkey primary key (tenant_id, card_id)
);
create index cards_newest on cards (tenant_id, seq);
create index cards_by_status on cards (tenant_id, status, seq);
create index cards_open_jobs on cards (tenant_id, job_id) where closed_at is null;
create index cards_by_project on cards (tenant_id, project_id, seq);
create table card_statements (
  tenant_id text not null, card_id text not null, statement_digest text not null, seq bigint not null,
  decision text not null, approver text not null, office_id text not null, person_id text, plan_digest text,
  counts boolean not null, reasons json not null, approval json, signed json not null, void_why text, at_ms bigint not null,
  constraint card_statements_pkey primary key (tenant_id, card_id, statement_digest)
)`;

/**
 * Creates the tables that are queried instead of the ledger, and the function that begins an append. Source: ADR-002 §7, contracts
 * "Events and projections".
 */
export const buildProjectionsMigration = (schema: string) => [REGISTRY, ACTS, CARDS, buildOpenFunction(schema)];
