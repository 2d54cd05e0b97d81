-- The schema of LAB 256's database, generated from the migrations: do not edit it.
-- `npx tsx scripts/schema.ts` writes it, `npx tsx scripts/schema.ts --check` compares it. Source: ADR-002 §11.

create table actors (
  tenant_id text not null,
  actor_id text not null,
  person_id text,
  display_name text not null,
  disabled_at timestamp with time zone
);

create table card_attestations (
  tenant_id text not null,
  card_id text not null,
  round bigint not null,
  attestation_digest text not null,
  seq bigint not null,
  predicate_type text not null,
  plan_digest text not null,
  keyid text not null,
  attestation json not null,
  void_why text,
  at_ms bigint not null
);

create table card_grounds (
  tenant_id text not null,
  card_id text not null,
  round bigint not null,
  seq bigint not null,
  kind text not null,
  project_id text not null,
  name text not null,
  value text not null
);

create table card_statements (
  tenant_id text not null,
  card_id text not null,
  statement_digest text not null,
  seq bigint not null,
  decision text not null,
  approver text not null,
  office_id text not null,
  person_id text,
  plan_digest text,
  counts boolean not null,
  reasons json not null,
  approval json,
  signed json not null,
  void_why text,
  at_ms bigint not null
);

create table cards (
  tenant_id text not null,
  card_id text not null,
  seq bigint not null,
  status text not null,
  level text,
  job_id text not null,
  job_type text not null,
  project_id text not null,
  target text not null,
  office_id text not null,
  author json not null,
  intent text not null,
  context json not null,
  params json not null,
  subject_hash text not null,
  card json not null,
  run text not null,
  round bigint not null,
  plan json,
  plan_digest text,
  requires json not null,
  missing json not null,
  reasons json not null,
  decide_by bigint,
  permit_ttl_ms bigint,
  run_by bigint,
  jti text,
  denial json,
  workflow_id text not null,
  opened_at bigint not null,
  updated_at bigint not null,
  closed_at bigint,
  break_glass json,
  void_why text
);

create table charter_points (
  tenant_id text not null,
  kid text not null,
  point bytea not null
);

create table charter_versions (
  tenant_id text not null,
  version bigint not null,
  seq bigint not null,
  entry_hash text not null,
  recorded_at bigint not null
);

create table clock_readings (
  plane text not null,
  name text not null,
  lower_ms bigint not null,
  upper_ms bigint not null,
  measured_at bigint not null
);

create table commands (
  tenant_id text not null,
  jti text not null,
  seq bigint not null,
  job_id text not null,
  job_type text not null,
  project_id text not null,
  target text not null,
  actor_id text not null,
  office_id text not null,
  card_id text,
  workflow_id text not null,
  envelope json not null,
  envelope_digest text not null,
  status text not null,
  denial_code text,
  denial_message text,
  issued_at bigint not null,
  finished_at bigint
);

create table ledger_anchors (
  container text not null,
  seq bigint not null,
  hash text not null,
  anchored_at bigint not null
);

create table ledger_entries (
  container text not null,
  seq bigint not null,
  tenant_id text not null,
  type text not null,
  key text not null,
  at_ms bigint not null,
  payload json not null,
  prev_hash text not null,
  hash text not null
);

create table ledger_heads (
  container text not null,
  tenant_id text not null,
  seq bigint not null,
  hash text not null
) with (fillfactor=20);

create table memberships (
  tenant_id text not null,
  actor_id text not null,
  office_id text not null,
  roles text[] not null default '{}'::text[],
  until_at timestamp with time zone
);

create table passkey_challenges (
  challenge text not null,
  person_id text not null,
  purpose text not null,
  expires_at timestamp with time zone not null,
  used_at timestamp with time zone
);

create table passkeys (
  tenant_id text not null,
  credential_id text not null,
  person_id text not null,
  public_key bytea not null,
  counter bigint not null,
  transports text[] not null default '{}'::text[],
  created_at timestamp with time zone not null default now(),
  name text not null,
  disabled_at timestamp with time zone,
  relying_party text,
  client_data_json text,
  attestation_object text,
  in_charter boolean not null default false
);

create table permits (
  tenant_id text not null,
  jti text not null,
  seq bigint not null,
  card_id text,
  actor_id text not null,
  intent text not null,
  subject_hash text not null,
  permit json not null,
  status text not null,
  issued_at bigint not null,
  exp bigint not null,
  ended_at bigint,
  end_reason text,
  ended_by text
);

create table person_emails (
  person_id text not null,
  email text not null,
  verified_at timestamp with time zone
);

create table persons (
  person_id text not null
);

create table receipts (
  tenant_id text not null,
  jti text not null,
  seq bigint not null,
  job_id text not null,
  job_type text not null,
  project_id text not null,
  status text not null,
  actor_id text not null,
  card_id text,
  receipt json not null,
  finished_at bigint not null
);

create table refusals (
  tenant_id text not null,
  envelope_digest text not null,
  seq bigint not null,
  jti text not null,
  job_id text not null,
  code text not null,
  card_id text,
  refusal json not null,
  finished_at bigint not null
);

create table registry_activity (
  tenant_id text not null,
  seq bigint not null,
  project_id text not null,
  action text not null,
  actor text not null,
  ref text not null,
  commit text not null,
  at_ms bigint not null,
  break_glass json
);

create table registry_projects (
  tenant_id text not null,
  project_id text not null,
  seq bigint not null,
  name text not null,
  owners json not null,
  visibility text not null,
  repo_url text,
  registered_at bigint not null,
  last_activity bigint not null
);

create table registry_pushed_commits (
  tenant_id text not null,
  project_id text not null,
  commit text not null,
  jti text not null,
  seq bigint not null,
  actor_id text not null,
  brought boolean not null
);

create table registry_refs (
  tenant_id text not null,
  project_id text not null,
  name text not null,
  object_id text not null,
  seq bigint not null,
  balance bigint not null,
  jti text not null,
  moved_at bigint not null,
  left_seq bigint
);

create table registry_releases (
  tenant_id text not null,
  project_id text not null,
  tag text not null,
  seq bigint not null,
  commit text not null,
  notes_hash text not null,
  tagged_at bigint not null
);

create table runner_keys (
  tenant_id text not null,
  target text not null,
  kid text not null,
  jwk jsonb not null,
  added_at timestamp with time zone not null default now(),
  revoked_at timestamp with time zone
);

create table step_ups (
  tenant_id text not null,
  assertion_hash text not null,
  credential_id text not null,
  counter bigint not null,
  statement_digest text not null,
  accepted_at timestamp with time zone not null default now()
);

create table telemetry_cursors (
  tenant_id text not null,
  passed_seq bigint not null
);

create table tenants (
  tenant_id text not null,
  transport text not null default 'temporal'::text,
  created_at timestamp with time zone not null default now()
);

create table tokens (
  token_hash text not null,
  token_id text not null,
  tenant_id text not null,
  actor_id text not null,
  name text not null,
  created_at timestamp with time zone not null default now(),
  expires_at timestamp with time zone,
  revoked_at timestamp with time zone,
  last_used_at timestamp with time zone,
  runner_target text
);

create table webhook_dead_letters (
  tenant_id text not null,
  webhook_id text not null,
  seq bigint not null,
  reason text not null,
  replay boolean not null,
  at_ms bigint not null
);

create table webhooks (
  tenant_id text not null,
  webhook_id text not null,
  url text not null,
  types text[],
  retries_ms integer[] not null,
  secret text not null,
  delivered_seq bigint not null,
  created_at bigint not null,
  disabled_at bigint
);

alter table actors add constraint actors_pkey PRIMARY KEY (tenant_id, actor_id);

alter table card_attestations add constraint card_attestations_pkey PRIMARY KEY (tenant_id, card_id, round, attestation_digest);

alter table card_grounds add constraint card_grounds_pkey PRIMARY KEY (tenant_id, card_id, round, kind, name);

alter table card_statements add constraint card_statements_pkey PRIMARY KEY (tenant_id, card_id, statement_digest);

alter table cards add constraint cards_pkey PRIMARY KEY (tenant_id, card_id);

alter table charter_points add constraint charter_points_pkey PRIMARY KEY (tenant_id, kid);

alter table charter_versions add constraint charter_versions_pkey PRIMARY KEY (tenant_id, version);

alter table clock_readings add constraint clock_readings_pkey PRIMARY KEY (plane, name);

alter table commands add constraint commands_pkey PRIMARY KEY (tenant_id, jti);

alter table ledger_anchors add constraint ledger_anchors_pkey PRIMARY KEY (container, seq);

alter table ledger_entries add constraint ledger_entries_pkey PRIMARY KEY (container, seq);

alter table ledger_heads add constraint ledger_heads_pkey PRIMARY KEY (container);

alter table memberships add constraint memberships_pkey PRIMARY KEY (tenant_id, actor_id, office_id);

alter table passkey_challenges add constraint passkey_challenges_pkey PRIMARY KEY (challenge);

alter table passkeys add constraint passkeys_pkey PRIMARY KEY (tenant_id, credential_id);

alter table permits add constraint permits_pkey PRIMARY KEY (tenant_id, jti);

alter table person_emails add constraint person_emails_pkey PRIMARY KEY (email, person_id);

alter table persons add constraint persons_pkey PRIMARY KEY (person_id);

alter table receipts add constraint receipts_pkey PRIMARY KEY (tenant_id, jti);

alter table refusals add constraint refusals_pkey PRIMARY KEY (tenant_id, envelope_digest);

alter table registry_activity add constraint registry_activity_pkey PRIMARY KEY (tenant_id, seq);

alter table registry_projects add constraint registry_projects_pkey PRIMARY KEY (tenant_id, project_id);

alter table registry_pushed_commits add constraint registry_pushed_commits_pkey PRIMARY KEY (tenant_id, project_id, commit, jti);

alter table registry_refs add constraint registry_refs_pkey PRIMARY KEY (tenant_id, project_id, name, object_id);

alter table registry_releases add constraint registry_releases_pkey PRIMARY KEY (tenant_id, project_id, tag);

alter table runner_keys add constraint runner_keys_pkey PRIMARY KEY (tenant_id, target, kid);

alter table step_ups add constraint step_ups_pkey PRIMARY KEY (tenant_id, assertion_hash);

alter table telemetry_cursors add constraint telemetry_cursors_pkey PRIMARY KEY (tenant_id);

alter table tenants add constraint tenants_pkey PRIMARY KEY (tenant_id);

alter table tokens add constraint tokens_pkey PRIMARY KEY (token_hash);

alter table webhook_dead_letters add constraint webhook_dead_letters_pkey PRIMARY KEY (tenant_id, webhook_id, seq);

alter table webhooks add constraint webhooks_pkey PRIMARY KEY (tenant_id, webhook_id);

alter table commands add constraint commands_job_id UNIQUE (tenant_id, job_id);

alter table ledger_entries add constraint ledger_entries_key UNIQUE (container, key);

alter table tokens add constraint tokens_token_id_key UNIQUE (token_id);

alter table ledger_entries add constraint ledger_entries_hash CHECK ((hash ~ '^[0-9a-f]{64}$'::text));

alter table passkey_challenges add constraint passkey_challenges_purpose_check CHECK ((purpose = 'registration'::text));

alter table passkeys add constraint passkeys_counter_check CHECK ((counter >= 0));

alter table runner_keys add constraint runner_keys_target_check CHECK ((target = ANY (ARRAY['LAB_512'::text, 'LAB_256'::text, 'LAB_8GB'::text])));

alter table tenants add constraint tenants_transport_check CHECK ((transport = ANY (ARRAY['temporal'::text, 'pull'::text])));

alter table tokens add constraint tokens_runner_target_check CHECK ((runner_target = ANY (ARRAY['LAB_512'::text, 'LAB_256'::text, 'LAB_8GB'::text])));

alter table actors add constraint actors_person_id_fkey FOREIGN KEY (person_id) REFERENCES persons(person_id);

alter table actors add constraint actors_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenants(tenant_id);

alter table memberships add constraint memberships_tenant_id_actor_id_fkey FOREIGN KEY (tenant_id, actor_id) REFERENCES actors(tenant_id, actor_id);

alter table passkey_challenges add constraint passkey_challenges_person_id_fkey FOREIGN KEY (person_id) REFERENCES persons(person_id);

alter table passkeys add constraint passkeys_person_id_fkey FOREIGN KEY (person_id) REFERENCES persons(person_id);

alter table passkeys add constraint passkeys_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenants(tenant_id);

alter table person_emails add constraint person_emails_person_id_fkey FOREIGN KEY (person_id) REFERENCES persons(person_id);

alter table runner_keys add constraint runner_keys_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenants(tenant_id);

alter table step_ups add constraint step_ups_tenant_id_credential_id_fkey FOREIGN KEY (tenant_id, credential_id) REFERENCES passkeys(tenant_id, credential_id);

alter table telemetry_cursors add constraint telemetry_cursors_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenants(tenant_id);

alter table tokens add constraint tokens_tenant_id_actor_id_fkey FOREIGN KEY (tenant_id, actor_id) REFERENCES actors(tenant_id, actor_id);

alter table webhook_dead_letters add constraint webhook_dead_letters_webhook_fkey FOREIGN KEY (tenant_id, webhook_id) REFERENCES webhooks(tenant_id, webhook_id);

alter table webhooks add constraint webhooks_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenants(tenant_id);

CREATE INDEX actors_by_person ON public.actors USING btree (person_id);

CREATE INDEX card_grounds_by_value ON public.card_grounds USING btree (tenant_id, kind, project_id, name, value);

CREATE INDEX cards_by_project ON public.cards USING btree (tenant_id, project_id, seq);

CREATE INDEX cards_by_status ON public.cards USING btree (tenant_id, status, seq);

CREATE INDEX cards_newest ON public.cards USING btree (tenant_id, seq);

CREATE INDEX cards_open_jobs ON public.cards USING btree (tenant_id, job_id) WHERE (closed_at IS NULL);

CREATE INDEX commands_by_project ON public.commands USING btree (tenant_id, project_id, seq);

CREATE INDEX commands_by_status ON public.commands USING btree (tenant_id, status, seq);

CREATE INDEX commands_newest ON public.commands USING btree (tenant_id, seq);

CREATE INDEX commands_pending ON public.commands USING btree (tenant_id, target, seq) WHERE (status = 'running'::text);

CREATE INDEX passkey_challenges_by_person ON public.passkey_challenges USING btree (person_id);

CREATE INDEX passkeys_by_person ON public.passkeys USING btree (tenant_id, person_id);

CREATE INDEX permits_card ON public.permits USING btree (tenant_id, card_id, seq) WHERE (card_id IS NOT NULL);

CREATE INDEX permits_unused ON public.permits USING btree (tenant_id, exp) WHERE (status = 'issued'::text);

CREATE INDEX receipts_job_id ON public.receipts USING btree (tenant_id, job_id);

CREATE INDEX receipts_telemetry ON public.receipts USING btree (tenant_id, seq) WHERE ((job_type = 'git.registry.telemetry_append'::text) AND (status = 'success'::text));

CREATE INDEX refusals_jti ON public.refusals USING btree (tenant_id, jti, seq);

CREATE INDEX registry_activity_of_project ON public.registry_activity USING btree (tenant_id, project_id, seq);

CREATE INDEX registry_projects_newest ON public.registry_projects USING btree (tenant_id, seq);

CREATE INDEX registry_refs_current ON public.registry_refs USING btree (tenant_id, project_id, name, seq) WHERE (balance > 0);

CREATE INDEX registry_releases_newest ON public.registry_releases USING btree (tenant_id, seq);

CREATE INDEX registry_releases_of_project ON public.registry_releases USING btree (tenant_id, project_id, seq);

CREATE INDEX tokens_by_actor ON public.tokens USING btree (tenant_id, actor_id);

CREATE OR REPLACE FUNCTION public.ledger_follow()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
begin
  update ledger_heads h set seq = new.seq, hash = new.hash
    where h.container = new.container and h.tenant_id = new.tenant_id and h.seq = new.seq - 1 and h.hash = new.prev_hash;
  if not found then
    raise exception using errcode = 'restrict_violation',
      message = format('Entry %s of %s does not continue the chain.', new.seq, new.container),
      hint = 'Lock the head with ledger_open and build on what it returns.';
  end if;
  return null;
end $function$;

CREATE OR REPLACE FUNCTION public.ledger_head_moves()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
begin
  if tg_op = 'INSERT' then
    if new.seq = 0 and new.hash = '0000000000000000000000000000000000000000000000000000000000000000' and not exists (select from ledger_entries e where e.container = new.container) then
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
end $function$;

CREATE OR REPLACE FUNCTION public.ledger_open(in_container text, in_tenant_id text, in_keys text[], in_jtis text[], in_job_ids text[], OUT seq bigint, OUT hash text, OUT known json, OUT taken json)
 RETURNS record
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
begin
  select h.seq, h.hash into seq, hash from ledger_heads h where h.container = in_container for update;
  if not found then
    insert into ledger_heads (container, tenant_id, seq, hash) values (in_container, in_tenant_id, 0, '0000000000000000000000000000000000000000000000000000000000000000') on conflict do nothing;
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
end $function$;

CREATE OR REPLACE FUNCTION public.ledger_refuse()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
begin
  raise exception using errcode = 'restrict_violation',
    message = format('%s of %s is refused: the ledger only grows.', tg_op, tg_table_name),
    hint = 'Append a further event that says what is different now.';
end $function$;

CREATE TRIGGER ledger_anchors_keep BEFORE DELETE OR UPDATE ON public.ledger_anchors FOR EACH ROW EXECUTE FUNCTION ledger_refuse();
alter table ledger_anchors enable always trigger ledger_anchors_keep;

CREATE TRIGGER ledger_anchors_keep_all BEFORE TRUNCATE ON public.ledger_anchors FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse();
alter table ledger_anchors enable always trigger ledger_anchors_keep_all;

CREATE TRIGGER ledger_entries_follow AFTER INSERT ON public.ledger_entries FOR EACH ROW EXECUTE FUNCTION ledger_follow();
alter table ledger_entries enable always trigger ledger_entries_follow;

CREATE TRIGGER ledger_entries_keep BEFORE DELETE OR UPDATE ON public.ledger_entries FOR EACH ROW EXECUTE FUNCTION ledger_refuse();
alter table ledger_entries enable always trigger ledger_entries_keep;

CREATE TRIGGER ledger_entries_keep_all BEFORE TRUNCATE ON public.ledger_entries FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse();
alter table ledger_entries enable always trigger ledger_entries_keep_all;

CREATE TRIGGER ledger_heads_begin AFTER INSERT ON public.ledger_heads FOR EACH ROW EXECUTE FUNCTION ledger_head_moves();
alter table ledger_heads enable always trigger ledger_heads_begin;

CREATE TRIGGER ledger_heads_keep BEFORE DELETE ON public.ledger_heads FOR EACH ROW EXECUTE FUNCTION ledger_refuse();
alter table ledger_heads enable always trigger ledger_heads_keep;

CREATE TRIGGER ledger_heads_keep_all BEFORE TRUNCATE ON public.ledger_heads FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse();
alter table ledger_heads enable always trigger ledger_heads_keep_all;

CREATE TRIGGER ledger_heads_move BEFORE UPDATE ON public.ledger_heads FOR EACH ROW EXECUTE FUNCTION ledger_head_moves();
alter table ledger_heads enable always trigger ledger_heads_move;
