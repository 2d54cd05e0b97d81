import { sql } from "kysely";

/** What the plan of each round of a waiting card rests on. */
const GROUNDS = sql`
create table card_grounds (
  tenant_id text not null, card_id text not null, round bigint not null, seq bigint not null,
  kind text not null, project_id text not null, name text not null, value text not null,
  constraint card_grounds_pkey primary key (tenant_id, card_id, round, kind, name)
);
create index card_grounds_by_value on card_grounds (tenant_id, kind, project_id, name, value)`;

/** Why the approvals of a card's present round are void. */
const VOIDED = sql`alter table cards add column void_why text`;

/** The last entry that records a move of the ref away from the object. */
const LEFT = sql`alter table registry_refs add column left_seq bigint`;

/** Finds the cards whose plans a recorded change outdates. */
export const cardGroundsMigration = [GROUNDS, VOIDED, LEFT];
