import { sql } from "kysely";
import { buildDenial } from "../../domain/denial.js";
import type { FlowEnd } from "../../domain/flow/lab256-steps.js";
import type { CardRow } from "../ledger/queries/cards.js";
import { endPermit } from "../permits/end-permit.js";
import { closeCard } from "./cards.js";
import type { Lab256Dependencies } from "./dependencies.js";
import { reportFailure, visitTenants } from "./each-tenant.js";

/** The number of a tenant's cards that one sweep looks at, chosen at random, so that each has its turn. */
const LOOKED_AT_MAX_COUNT = 100;

const ENDED = "The card's flow was ended in Temporal, so LAB_256 withdrew the card. Open a new one.";
const END: FlowEnd = { status: "withdrawn", denial: buildDenial("withdrawn", ENDED) };

/**
 * Closes the waiting cards whose flow somebody ended, or Temporal lost: nobody could decide them any more. An unused permit ends first; an act
 * that a Runner has claimed is finished by a flow of its own. Returns how many were closed. Source: contracts "A flow that an operator of Temporal
 * cancels or ends".
 */
export async function closeAbandonedCards(deps: Lab256Dependencies): Promise<number> {
  let closed = 0;
  await visitTenants(deps, "cannot list the waiting cards", async (tenantId) => {
    for (const card of await listWaitingCards(deps, tenantId))
      await reportFailure(deps, `cannot tell whether the card ${card.card_id} of ${tenantId} is abandoned`, async () => {
        if (await closeIfAbandoned(deps, card)) closed += 1;
      });
  });
  return closed;
}

type WaitingCard = Pick<CardRow, "tenant_id" | "card_id" | "jti" | "workflow_id" | "card">;

function listWaitingCards({ db }: Lab256Dependencies, tenantId: string): Promise<WaitingCard[]> {
  return db
    .selectFrom("cards")
    .select(["tenant_id", "card_id", "jti", "workflow_id", "card"])
    .where("tenant_id", "=", tenantId)
    .where("status", "in", ["planning", "awaiting_approval", "approved"])
    .orderBy(sql`random()`)
    .limit(LOOKED_AT_MAX_COUNT)
    .execute();
}

async function closeIfAbandoned(deps: Lab256Dependencies, { tenant_id, card_id, jti, workflow_id, card }: WaitingCard): Promise<boolean> {
  if (await deps.isFlowOpen(workflow_id)) return false;
  if (jti !== null) {
    const claim = await endPermit(deps, { tenant_id, jti, card_id, end: "revoked", reason: ENDED, by: "LAB_256" });
    if (claim === "acted") return false;
  }
  await closeCard(deps, { card, workflow_id, end: END });
  return true;
}
