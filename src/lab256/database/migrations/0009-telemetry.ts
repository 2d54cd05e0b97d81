import { sql } from "kysely";

const CURSORS = sql`
create table telemetry_cursors (
  tenant_id text not null references tenants (tenant_id), passed_seq bigint not null,
  constraint telemetry_cursors_pkey primary key (tenant_id)
)`;

const APPENDS = sql`
create index receipts_telemetry on receipts (tenant_id, seq)
  where job_type = 'git.registry.telemetry_append' and status = 'success'`;

/** Adds how far each tenant's ledger was searched for telemetry, and an index that finds the last append. */
export const telemetryMigration = [CURSORS, APPENDS];
