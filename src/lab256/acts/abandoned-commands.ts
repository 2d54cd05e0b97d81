import { computeAbandonedAtMs } from "../../domain/act/derive-time.js";
import { toFinishWorkflowId } from "../../domain/act/workflow-id.js";
import type { AbandonedCommand, CommandRef } from "../../domain/flow/lab256-steps.js";
import { readClaim } from "../../storage/claims.js";
import { findTenant } from "../identity/tenants.js";
import { findCard } from "../ledger/queries/cards.js";
import { type CommandItem, findCommandByJti, listCommands } from "../ledger/queries/commands.js";
import { PAGE_ROWS_MAX } from "../ledger/queries/page.js";
import type { Lab256Dependencies } from "./dependencies.js";
import { visitTenants } from "./each-tenant.js";
import { readAuthority } from "./recorded-approval.js";

/** A list stops after about this many commands per tenant; the next sweep continues. */
const LISTED_MAX_COUNT = 50;

/** The Runner judges by its own clock, which can be behind. */
const CLOCK_TOLERANCE_MS = 30_000;

/**
 * Lists the commands whose flow somebody ended, or Temporal lost, before they had a receipt or another end. Omits those whose finishing flow is
 * running. Source: contracts "A flow that an operator of Temporal cancels or ends".
 */
export async function listAbandonedCommands(deps: Lab256Dependencies): Promise<readonly CommandRef[]> {
  const found: CommandRef[] = [];
  await visitTenants(deps, "cannot list the running commands", async (tenantId) => {
    found.push(...(await listAbandonedOfTenant(deps, tenantId)));
  });
  return found;
}

async function listAbandonedOfTenant(deps: Lab256Dependencies, tenant_id: string): Promise<CommandRef[]> {
  const found: CommandRef[] = [];
  let after: number | undefined;
  do {
    const page = await listCommands(deps.db, { tenant_id, pending: true, limit: PAGE_ROWS_MAX, after });
    for (const command of page.items) {
      const { jti } = command;
      try {
        if ((await isAbandoned(deps, command)) && !(await deps.isFlowOpen(toFinishWorkflowId(tenant_id, jti))))
          found.push({ tenant_id, jti });
      } catch (error) {
        deps.reportFault(error, `cannot tell whether the command ${jti} of ${tenant_id} is abandoned`);
      }
    }
    after = page.next ?? undefined;
  } while (after !== undefined && found.length < LISTED_MAX_COUNT);
  return found;
}

/** Reads an abandoned command. Anyone who reaches Temporal can start a flow that asks for another one, which gets null. */
export async function readAbandonedCommand(deps: Lab256Dependencies, ref: CommandRef): Promise<AbandonedCommand | null> {
  const command = await findCommandByJti(deps.db, ref);
  const tenant = await findTenant(deps.db, ref.tenant_id);
  if (command?.status !== "running" || tenant === undefined || !(await isAbandoned(deps, command))) return null;
  const { tenant_id, envelope, actor_id, workflow_id, card_id } = command;
  const recorded = card_id === null ? undefined : await findCard(deps.db, { tenant_id, card_id });
  const ofCard = recorded === undefined ? { authority: null, card: null } : { authority: readAuthority(recorded), card: recorded.card };
  return { envelope, actor_id, workflow_id, transport: tenant.transport, ...ofCard };
}

/** Returns whether a running command's flow is closed or gone and no attempt at it can be running. */
async function isAbandoned(
  deps: Lab256Dependencies,
  { tenant_id, jti, workflow_id, issued_at, envelope: { permit } }: CommandItem,
): Promise<boolean> {
  const isOver = (sinceMs: number) => deps.now() - CLOCK_TOLERANCE_MS >= computeAbandonedAtMs(sinceMs, permit.max_run_ms);
  // Saves reading the claims of new commands.
  if (!isOver(issued_at)) return false;
  const claim = (await readClaim(deps.store, tenant_id, jti))?.claim;
  return isOver(claim?.claimed_at ?? permit.exp) && !(await deps.isFlowOpen(workflow_id));
}
