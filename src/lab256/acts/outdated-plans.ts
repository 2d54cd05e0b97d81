import { hashInfra } from "../../domain/act/infra-context.js";
import { toCardWorkflowId } from "../../domain/act/workflow-id.js";
import { denyWith, grantValue, type Outcome } from "../../domain/denial.js";
import { NO_PROJECT } from "../../domain/ids.js";
import type { NewEvent } from "../../domain/ledger/event.js";
import type { Receipt } from "../../domain/permit/receipt.js";
import { listTenants } from "../identity/tenants.js";
import { appendEvents } from "../ledger/append.js";
import type { AppendOutcome } from "../ledger/append-batch.js";
import { formatId, type GroundChange, type PlanChange } from "../ledger/plan-change.js";
import type { CardDetail } from "../ledger/queries/cards.js";
import { findMovedGrounds, findOutdatedRounds, listApprovedInfra } from "../ledger/void-approvals.js";
import type { Lab256Dependencies } from "./dependencies.js";
import { visitTenants } from "./each-tenant.js";

type Sources = Pick<Lab256Dependencies, "db" | "infra" | "policies">;

/** Appends events and changes of what plans rest on, and tells the flows whose approvals are void with them. */
export async function appendChanges(
  deps: Lab256Dependencies,
  tenantId: string,
  events: readonly NewEvent[],
  changes: readonly PlanChange[],
): Promise<AppendOutcome> {
  const outcome = await appendEvents(deps.db, tenantId, events, deps.now(), [], changes);
  if (outcome.ok) await tellVoidedFlows(deps, tenantId, outcome.voided);
  return outcome;
}

/** Tells flows to drop their approvals. The ledger takes none of them anyway, so a flow that is not told can do no harm. */
export async function tellVoidedFlows(
  { tellVoided, reportFault }: Pick<Lab256Dependencies, "tellVoided" | "reportFault">,
  tenantId: string,
  cards: readonly string[],
): Promise<void> {
  await Promise.all(
    cards.map(async (cardId) => {
      try {
        await tellVoided?.(toCardWorkflowId(tenantId, cardId));
      } catch (error) {
        reportFault(error, `cannot tell the flow of ${cardId} of ${tenantId} that its approvals are void`);
      }
    }),
  );
}

/**
 * Returns the changes of infra contexts that an act has made for its own tenant, if it moved the infra registry. Those of other tenants are
 * recorded first, each in its own chain, so that a recorded receipt never precedes them.
 */
export async function recordInfraChanges(
  deps: Lab256Dependencies,
  { status, tenant_id, project_id, refs }: Receipt,
): Promise<GroundChange[]> {
  if (status !== "success" || refs.length === 0 || !deps.infra.isKeptBy(tenant_id, project_id)) return [];
  for (const other of await listTenants(deps.db)) {
    if (other.tenant_id === tenant_id) continue;
    const changes = await listInfraChanges(deps, other.tenant_id);
    if (changes.length > 0) await appendChanges(deps, other.tenant_id, [], changes);
  }
  return listInfraChanges(deps, tenant_id);
}

/**
 * Voids the approvals of every tenant whose plans no recorded change explains: their infra registry is a file, the change came while LAB 256
 * was stopped, or it concerned more cards than one transaction takes.
 */
export async function voidOutdatedPlans(deps: Lab256Dependencies): Promise<void> {
  await visitTenants(deps, "cannot look for outdated plans", async (tenantId) => {
    const moved = await findMovedGrounds(deps.db, tenantId, "all");
    const changes: PlanChange[] = [
      ...(await listInfraChanges(deps, tenantId)),
      ...(await listPolicyChanges(deps, tenantId)),
      ...moved.map((ground) => ({ ...ground, why: describeMoved(ground) })),
    ];
    // Most sweeps find nothing, and lock no chain.
    if ((await findOutdatedRounds(deps.db, tenantId, changes)).length > 0) await appendChanges(deps, tenantId, [], changes);
  });
}

/** Lists how the infra contexts on which approved plans rest have changed. A registry that cannot be read has changed nothing yet. */
async function listInfraChanges({ db, infra }: Pick<Sources, "db" | "infra">, tenantId: string): Promise<GroundChange[]> {
  if (infra.kind === "none") return [];
  const changes: GroundChange[] = [];
  for (const { project_id, value } of await listApprovedInfra(db, tenantId)) {
    const now = await infra.resolve(tenantId, project_id);
    if (!now.ok || hashInfra(now.value.infra) === value) continue;
    const why = `The infra context of ${project_id} changed to ${JSON.stringify(now.value.infra)}.`;
    changes.push({ kind: "infra", project_id, name: "", was: value, is: null, before_seq: null, why });
  }
  return changes;
}

async function listPolicyChanges({ policies }: Pick<Sources, "policies">, tenantId: string): Promise<GroundChange[]> {
  const charter = await policies.charters.readNewest(tenantId);
  if (!charter.ok) return [];
  const { policy_hash, version } = charter.value;
  const why = `The policy ${policy_hash} is active since version ${version} of the charter at the latest.`;
  return [{ kind: "policy", project_id: NO_PROJECT, name: "", was: null, is: policy_hash, before_seq: null, why }];
}

function describeMoved({
  project_id,
  name,
  value,
}: {
  readonly project_id: string;
  readonly name: string;
  readonly value: string;
}): string {
  return `${name} of ${project_id} is no longer ${formatId(value)}.`;
}

/** Denies if the ledger says that the present plan of a card no longer holds. */
export async function checkRecordedPlan({ db }: Pick<Sources, "db">, card: CardDetail): Promise<Outcome<null>> {
  if (card.void_why !== null) return denyOutdated(`The approvals of round ${card.round} are void. ${card.void_why}`);
  const [moved] = await findMovedGrounds(db, card.tenant_id, [card.card_id]);
  return moved === undefined ? grantValue(null) : denyOutdated(describeMoved(moved));
}

/** The next step of who decides about a plan that has changed. */
export const NEXT = "The card gets a new plan; read it and decide again.";

export function denyOutdated(why: string) {
  return denyWith("plan_changed", `${why} ${NEXT}`);
}
