import { sql } from "kysely";

const WEBHOOKS = sql`
create table webhooks (
  tenant_id text not null references tenants (tenant_id), webhook_id text not null, url text not null, types text[],
  retries_ms integer[] not null, secret text not null, delivered_seq bigint not null, created_at bigint not null,
  disabled_at bigint,
  constraint webhooks_pkey primary key (tenant_id, webhook_id)
)`;

const DEAD_LETTERS = sql`
create table webhook_dead_letters (
  tenant_id text not null, webhook_id text not null, seq bigint not null, reason text not null, replay boolean not null,
  at_ms bigint not null,
  constraint webhook_dead_letters_pkey primary key (tenant_id, webhook_id, seq),
  constraint webhook_dead_letters_webhook_fkey foreign key (tenant_id, webhook_id) references webhooks (tenant_id, webhook_id)
)`;

/** Adds the receivers of tenants' events, and the events that could not be delivered. */
export const webhooksMigration = [WEBHOOKS, DEAD_LETTERS];
