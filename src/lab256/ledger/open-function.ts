import { type RawBuilder, sql } from "kysely";
import { GENESIS_HASH } from "../../domain/ledger/event.js";
import type { CommandIdentity } from "./command-conflict.js";

/**
 * The result of `ledger_open`: the head of the chain, which of the keys it has and at which `seq`, and which commands have the jtis and
 * job ids, and which open cards the job ids.
 */
export interface OpenedRow {
  readonly seq: number;
  readonly hash: string;
  readonly known: Readonly<Record<string, number>>;
  readonly taken: readonly CommandIdentity[];
}

/**
 * Locks a container's head until the transaction ends, creating it if absent, and reads under the lock everything that an append needs.
 * It is a database function so that this takes one round trip instead of four.
 */
export function buildOpenFunction(schema: string): RawBuilder<unknown> {
  return sql`
create function ledger_open(in_container text, in_tenant_id text, in_keys text[], in_jtis text[], in_job_ids text[],
  out seq bigint, out hash text, out known json, out taken json)
language plpgsql set search_path = pg_catalog, ${sql.id(schema)}, pg_temp as $$
begin
  select h.seq, h.hash into seq, hash from ledger_heads h where h.container = in_container for update;
  if not found then
    insert into ledger_heads (container, tenant_id, seq, hash) values (in_container, in_tenant_id, 0, ${sql.lit(GENESIS_HASH)}) on conflict do nothing;
    select h.seq, h.hash into seq, hash from ledger_heads h where h.container = in_container for update;
  end if;
  -- Statements of their own, so that they see what the previous holder of the lock has committed.
  select coalesce(json_object_agg(e.key, e.seq), '{}') into known from ledger_entries e where e.container = in_container and e.key = any(in_keys);
  taken := '[]';
  if cardinality(in_jtis) > 0 then
    select coalesce(json_agg(json_build_object('jti', t.jti, 'job_id', t.job_id, 'card_id', t.card_id) order by t.seq), '[]') into taken from (
      select c.seq, c.jti, c.job_id, c.card_id from commands c
        where c.tenant_id = in_tenant_id and (c.jti = any(in_jtis) or c.job_id = any(in_job_ids))
      union all select k.seq, null, k.job_id, k.card_id from cards k
        where k.tenant_id = in_tenant_id and k.job_id = any(in_job_ids) and k.closed_at is null) t;
  end if;
end $$`;
}
