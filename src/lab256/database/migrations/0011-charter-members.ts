import { sql } from "kysely";

/** The recorded versions of charters. */
const VERSIONS = sql`
create table charter_versions (
  tenant_id text not null, version bigint not null, seq bigint not null, entry_hash text not null, recorded_at bigint not null,
  constraint charter_versions_pkey primary key (tenant_id, version)
)`;

/** Until when an office is held; null is without end. */
const MEMBERSHIPS = sql`alter table memberships add column until_at timestamptz`;

/** Whether the tenant's charter names the passkey. */
const PASSKEYS = sql`alter table passkeys add column in_charter boolean not null default false`;

/** Prepares the tables of members for what charters say. */
export const charterMembersMigration = [VERSIONS, MEMBERSHIPS, PASSKEYS];
