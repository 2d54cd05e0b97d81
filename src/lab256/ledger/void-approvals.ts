import { sql } from "kysely";
import { toCanonicalText } from "../../domain/bytes/canonical.js";
import { type Approval, listMissingRequirements } from "../../domain/card/requirement.js";
import { ZERO_ID } from "../../domain/git/git-id.js";
import { type NewEvent, toApprovalsVoidedKey } from "../../domain/ledger/event.js";
import type { Requirement } from "../../domain/policy/policy-contract.js";
import type { Db } from "../database/database.js";
import type { PlanChange } from "./plan-change.js";

/** The maximum number of cards whose approvals one transaction voids. The next sweep continues. */
const VOIDED_MAX = 500;

/** Why the plan of a card no longer holds. `cause` is the place of the change in the list that was asked about. */
export interface OutdatedRound {
  readonly card_id: string;
  readonly cause: number;
  readonly event: Extract<NewEvent, { type: "card.approvals_voided" }>;
}

interface OutdatedRow {
  readonly card_id: string;
  readonly round: number;
  readonly plan_digest: string;
  readonly requires: readonly Requirement[];
  readonly n: number;
  readonly approvals: readonly Approval[] | null;
}

/**
 * Finds the waiting cards with counted approvals or attestations whose plan rests on what `changes` changed. Ascending by card, at most
 * VOIDED_MAX.
 */
export async function findOutdatedRounds(db: Db, tenantId: string, changes: readonly PlanChange[]): Promise<OutdatedRound[]> {
  if (changes.length === 0) return [];
  const asked = toCanonicalText(changes.map(({ why: _, ...change }, n) => ({ n, ...change })));
  const { rows } = await sql<OutdatedRow>`
    with change as materialized (
      select * from json_to_recordset(${asked}::json)
        as c(n int, kind text, project_id text, name text, was text, "is" text, before_seq bigint, card_id text, round bigint)
    ), outdated as (
      select ground.card_id, ground.round, change.n from change join card_grounds ground
          on ground.tenant_id = ${tenantId} and ground.kind = change.kind and ground.project_id = change.project_id
         and ground.name = change.name and (change.was is null or ground.value = change.was) and ground.value is distinct from change."is"
         and (change.before_seq is null or ground.seq < change.before_seq)
      union all
      select card_id, round, n from change where card_id is not null
    )
    select distinct on (card.card_id) card.card_id, card.round, card.plan_digest, card.requires, outdated.n, said.approvals
      from outdated join cards card on card.tenant_id = ${tenantId} and card.card_id = outdated.card_id and card.round = outdated.round
     cross join lateral (
       select json_agg(statement.approval order by statement.seq) as approvals from card_statements statement
        where statement.tenant_id = ${tenantId} and statement.card_id = card.card_id and statement.plan_digest = card.plan_digest
          and statement.decision = 'approve' and statement.counts and statement.void_why is null
     ) as said
     where card.status = 'awaiting_approval' and card.void_why is null and (said.approvals is not null or exists (
       select 1 from card_attestations attested
        where attested.tenant_id = ${tenantId} and attested.card_id = card.card_id and attested.round = card.round and attested.void_why is null
     ))
     order by card.card_id, outdated.n limit ${VOIDED_MAX}`.execute(db);
  return rows.map((row) => ({ card_id: row.card_id, cause: row.n, event: buildVoided(row, changes[row.n]?.why ?? "") }));
}

function buildVoided({ card_id, round, plan_digest, requires, approvals }: OutdatedRow, why: string): OutdatedRound["event"] {
  const missing = listMissingRequirements(requires, plan_digest, [], []);
  const payload = { card_id, round, plan_digest, why, approvals: approvals ?? [], missing };
  return { type: "card.approvals_voided", key: toApprovalsVoidedKey(card_id, round), payload };
}

/** A ref that is no longer where the plan of an open card has it, by the recorded moves. */
export interface MovedGround {
  readonly card_id: string;
  readonly round: number;
  readonly project_id: string;
  readonly name: string;
  readonly value: string;
}

/** Finds the refs that recorded moves have taken from where the present plans of these cards, or of all waiting cards, have them. */
export async function findMovedGrounds(db: Db, tenantId: string, cards: readonly string[] | "all"): Promise<MovedGround[]> {
  const wanted = cards === "all" ? sql`card.status = 'awaiting_approval'` : sql`card.card_id = any(${cards})`;
  const { rows } = await sql<MovedGround>`
    select distinct on (card.card_id) card.card_id, card.round, ground.project_id, ground.name, ground.value
      from cards card
      join card_grounds ground on ground.tenant_id = card.tenant_id and ground.card_id = card.card_id and ground.round = card.round
       and ground.kind = 'ref'
      join registry_refs ref on ref.tenant_id = card.tenant_id and ref.project_id = ground.project_id and ref.name = ground.name
       and ref.object_id = ground.value
     where card.tenant_id = ${tenantId} and ${wanted}
       and (ref.left_seq > ground.seq or (ref.balance <= 0 and ref.object_id <> ${ZERO_ID}))
     order by card.card_id, ground.name limit ${VOIDED_MAX}`.execute(db);
  return rows;
}

/** The maximum number of infra contexts that one look compares. */
const CONTEXTS_MAX = 200;

/** Lists the infra contexts, by their hashes, on which plans with counted approvals or attestations rest. */
export async function listApprovedInfra(
  db: Db,
  tenantId: string,
): Promise<readonly { readonly project_id: string; readonly value: string }[]> {
  const { rows } = await sql<{ project_id: string; value: string }>`
    select distinct ground.project_id, ground.value
      from card_grounds ground
      join cards card on card.tenant_id = ground.tenant_id and card.card_id = ground.card_id and card.round = ground.round
     where ground.tenant_id = ${tenantId} and ground.kind = 'infra' and card.status = 'awaiting_approval' and card.void_why is null
       and (exists (
         select 1 from card_statements statement where statement.tenant_id = card.tenant_id and statement.card_id = card.card_id
            and statement.decision = 'approve' and statement.counts and statement.void_why is null
       ) or exists (
         select 1 from card_attestations attested where attested.tenant_id = card.tenant_id and attested.card_id = card.card_id
            and attested.round = card.round and attested.void_why is null
       ))
     order by ground.project_id limit ${CONTEXTS_MAX}`.execute(db);
  return rows;
}
