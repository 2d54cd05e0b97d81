import { sql } from "kysely";

const TABLE = sql`
create table card_attestations (
  tenant_id text not null, card_id text not null, round bigint not null, attestation_digest text not null, seq bigint not null,
  predicate_type text not null, plan_digest text not null, keyid text not null, attestation json not null,
  void_why text, at_ms bigint not null,
  constraint card_attestations_pkey primary key (tenant_id, card_id, round, attestation_digest)
)`;

/** Adds the attestations of each card's plans. */
export const attestationsMigration = [TABLE];
