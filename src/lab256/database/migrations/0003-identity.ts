import { sql } from "kysely";
import { TARGETS } from "../../../domain/ids.js";
import { TRANSPORTS } from "../tables/identity.js";

const formatSqlValues = (values: readonly string[]): string => values.map((value) => `'${value}'`).join(", ");

const statements = [
  `create table tenants (
    tenant_id text primary key,
    transport text not null default 'temporal' check (transport in (${formatSqlValues(TRANSPORTS)})),
    created_at timestamptz not null default now()
  )`,
  `create table persons (
    person_id text primary key
  )`,
  `create table person_emails (
    person_id text not null references persons,
    email text not null,
    verified_at timestamptz,
    primary key (email, person_id)
  )`,
  `create table actors (
    tenant_id text not null references tenants,
    actor_id text not null,
    person_id text references persons,
    display_name text not null,
    disabled_at timestamptz,
    primary key (tenant_id, actor_id)
  )`,
  "create index actors_by_person on actors (person_id)",
  `create table memberships (
    tenant_id text not null,
    actor_id text not null,
    office_id text not null,
    roles text[] not null default '{}',
    primary key (tenant_id, actor_id, office_id),
    foreign key (tenant_id, actor_id) references actors
  )`,
  `create table tokens (
    token_hash text primary key,
    token_id text not null unique,
    tenant_id text not null,
    actor_id text not null,
    name text not null,
    created_at timestamptz not null default now(),
    expires_at timestamptz,
    revoked_at timestamptz,
    last_used_at timestamptz,
    runner_target text check (runner_target in (${formatSqlValues(TARGETS)})),
    foreign key (tenant_id, actor_id) references actors
  )`,
  "create index tokens_by_actor on tokens (tenant_id, actor_id)",
  `create table passkeys (
    tenant_id text not null references tenants,
    credential_id text not null,
    person_id text not null references persons,
    public_key bytea not null,
    counter bigint not null check (counter >= 0),
    transports text[] not null default '{}',
    created_at timestamptz not null default now(),
    name text not null,
    disabled_at timestamptz,
    primary key (tenant_id, credential_id)
  )`,
  "create index passkeys_by_person on passkeys (tenant_id, person_id)",
  `create table passkey_challenges (
    challenge text primary key,
    person_id text not null references persons,
    purpose text not null check (purpose in ('registration')),
    expires_at timestamptz not null,
    used_at timestamptz
  )`,
  "create index passkey_challenges_by_person on passkey_challenges (person_id)",
  `create table step_ups (
    tenant_id text not null,
    assertion_hash text not null,
    credential_id text not null,
    counter bigint not null,
    statement_digest text not null,
    accepted_at timestamptz not null default now(),
    primary key (tenant_id, assertion_hash),
    foreign key (tenant_id, credential_id) references passkeys
  )`,
  `create table runner_keys (
    tenant_id text not null references tenants,
    target text not null check (target in (${formatSqlValues(TARGETS)})),
    kid text not null,
    jwk jsonb not null,
    added_at timestamptz not null default now(),
    revoked_at timestamptz,
    primary key (tenant_id, target, kid)
  )`,
];

/** Creates the tables of {@link IdentityTables}. */
export const identityMigration = statements.map((statement) => sql.raw(statement));
