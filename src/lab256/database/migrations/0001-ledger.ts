import { sql } from "kysely";
import { GENESIS_HASH } from "../../../domain/ledger/event.js";

const TABLES = sql`
create table ledger_entries (
  container text not null,
  seq bigint not null,
  tenant_id text not null,
  type text not null,
  key text not null,
  at_ms bigint not null,
  payload json not null,
  prev_hash text not null,
  hash text not null,
  constraint ledger_entries_pkey primary key (container, seq),
  constraint ledger_entries_key unique (container, key),
  constraint ledger_entries_hash check (hash ~ '^[0-9a-f]{64}$')
);
-- The row of a busy container is rewritten with every entry; free space on its page lets that happen in place.
create table ledger_heads (
  container text not null,
  tenant_id text not null,
  seq bigint not null,
  hash text not null,
  constraint ledger_heads_pkey primary key (container)
) with (fillfactor = 20);
create table ledger_anchors (
  container text not null,
  seq bigint not null,
  hash text not null,
  anchored_at bigint not null,
  constraint ledger_anchors_pkey primary key (container, seq)
)`;

const buildRefuseFunction = (schema: string) => sql`
create function ledger_refuse() returns trigger language plpgsql set search_path = pg_catalog, ${sql.id(schema)}, pg_temp as $$
begin
  raise exception using errcode = 'restrict_violation',
    message = format('%s of %s is refused: the ledger only grows.', tg_op, tg_table_name),
    hint = 'Append a further event that says what is different now.';
end $$`;

/** Accepts an entry only if it continues the chain, and moves the head to it. */
const buildFollowFunction = (schema: string) => sql`
create function ledger_follow() returns trigger language plpgsql set search_path = pg_catalog, ${sql.id(schema)}, pg_temp as $$
begin
  update ledger_heads h set seq = new.seq, hash = new.hash
    where h.container = new.container and h.tenant_id = new.tenant_id and h.seq = new.seq - 1 and h.hash = new.prev_hash;
  if not found then
    raise exception using errcode = 'restrict_violation',
      message = format('Entry %s of %s does not continue the chain.', new.seq, new.container),
      hint = 'Lock the head with ledger_open and build on what it returns.';
  end if;
  return null;
end $$`;

/** A head starts before the first entry and moves only to the next entry, which must exist. */
const buildHeadFunction = (schema: string) => sql`
create function ledger_head_moves() returns trigger language plpgsql set search_path = pg_catalog, ${sql.id(schema)}, pg_temp as $$
begin
  if tg_op = 'INSERT' then
    if new.seq = 0 and new.hash = ${sql.lit(GENESIS_HASH)} and not exists (select from ledger_entries e where e.container = new.container) then
      return new;
    end if;
  elsif new.container = old.container and new.tenant_id = old.tenant_id and new.seq = old.seq + 1 and exists (
    select from ledger_entries e where e.container = new.container and e.seq = new.seq and e.hash = new.hash and e.prev_hash = old.hash
  ) then
    return new;
  end if;
  raise exception using errcode = 'restrict_violation',
    message = format('The head of %s moves only to the next entry of its chain.', new.container),
    hint = 'Insert the entry; the head follows by itself.';
end $$`;

const TRIGGERS = sql`
create trigger ledger_entries_follow after insert on ledger_entries for each row execute function ledger_follow();
create trigger ledger_entries_keep before update or delete on ledger_entries for each row execute function ledger_refuse();
create trigger ledger_entries_keep_all before truncate on ledger_entries for each statement execute function ledger_refuse();
-- After the insert: before it, the trigger would also judge an insert that finds the head there and does nothing.
create trigger ledger_heads_begin after insert on ledger_heads for each row execute function ledger_head_moves();
create trigger ledger_heads_move before update on ledger_heads for each row execute function ledger_head_moves();
create trigger ledger_heads_keep before delete on ledger_heads for each row execute function ledger_refuse();
create trigger ledger_heads_keep_all before truncate on ledger_heads for each statement execute function ledger_refuse();
create trigger ledger_anchors_keep before update or delete on ledger_anchors for each row execute function ledger_refuse();
create trigger ledger_anchors_keep_all before truncate on ledger_anchors for each statement execute function ledger_refuse();
-- Also where a session replays another server's changes (session_replication_role = replica).
alter table ledger_entries enable always trigger ledger_entries_follow;
alter table ledger_entries enable always trigger ledger_entries_keep;
alter table ledger_entries enable always trigger ledger_entries_keep_all;
alter table ledger_heads enable always trigger ledger_heads_begin;
alter table ledger_heads enable always trigger ledger_heads_move;
alter table ledger_heads enable always trigger ledger_heads_keep;
alter table ledger_heads enable always trigger ledger_heads_keep_all;
alter table ledger_anchors enable always trigger ledger_anchors_keep;
alter table ledger_anchors enable always trigger ledger_anchors_keep_all`;

/**
 * Creates the chain, its heads and anchors, and the triggers with which the database itself protects them. Source: contracts "Events and
 * projections".
 */
export const buildLedgerMigration = (schema: string) => [
  TABLES,
  // The functions qualify tables with their schema, so that a temporary table of the same name cannot replace the real one.
  ...[buildRefuseFunction(schema), buildFollowFunction(schema), buildHeadFunction(schema)],
  TRIGGERS,
];
