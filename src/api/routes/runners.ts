import { z } from "zod";
import { envelopeSchema } from "../../domain/envelope.js";
import { isFinal } from "../../domain/flow-status.js";
import { targetSchema } from "../../domain/ids.js";
import { type Receipt, receiptSchema } from "../../domain/receipt.js";
import { verifySigned } from "../../domain/signature.js";
import type { Principal } from "../../identity/authentication.js";
import { runnerKeys } from "../../identity/runner-keys.js";
import { findTenant } from "../../identity/tenants.js";
import { commandByJti, listCommands } from "../../ledger/queries/commands.js";
import type { ApiDependencies } from "../dependencies.js";
import { RECEIPT_EXAMPLE } from "../examples.js";
import { denialProblem, notFound, problem } from "../problem.js";
import { pageQuery } from "../queries.js";
import { type Answer, guardedRoute, ok, type Route } from "../route.js";

/** A push of many branches lists as many artifacts. */
const RECEIPT_MAX_BYTES = 1024 * 1024;

const pendingQuery = pageQuery.extend({ target: targetSchema, pending: z.literal("1", "Write `pending=1`.") });

/** What a runner that pulls over HTTP uses; tenants on Temporal have nothing here. Source: ADR-002 §10. */
export function runnerRoutes(deps: ApiDependencies): readonly Route[] {
  return [
    guardedRoute({
      method: "GET",
      url: "/v1/query/commands",
      access: "runner",
      tenant: "query",
      group: "runners",
      summary: "The commands that a runner may pull, the oldest first",
      detail: "For an authenticated runner of that target. Empty for a tenant whose commands travel by Temporal.",
      input: { query: pendingQuery },
      answers: { 200: { text: "Envelopes", schema: z.array(envelopeSchema) } },
      problems: [],
      async handle({ principal: { tenant_id, runner_target }, query: { target, limit, after } }) {
        if (target !== runner_target) return notFound("This target");
        if ((await findTenant(deps.db, tenant_id))?.transport !== "pull") return ok([]);
        const page = await listCommands(deps.db, { tenant_id, target, pending: true, limit, after });
        return ok(page.items.map(({ envelope }) => envelope));
      },
    }),
    guardedRoute({
      method: "POST",
      url: "/v1/exec.finish",
      access: "runner",
      tenant: "body",
      group: "runners",
      summary: "Report a receipt",
      detail: "Signed by a runner key that is registered for the runner's target. The `jobId` must be pending.",
      input: { body: receiptSchema },
      example: RECEIPT_EXAMPLE,
      body_max_bytes: RECEIPT_MAX_BYTES,
      answers: { 200: { text: "Recorded", schema: z.object({ ok: z.literal(true) }) } },
      problems: ["forbidden", "closed"],
      async handle({ principal, body, correlate }) {
        correlate(body.jti);
        return finish(deps, principal, body);
      },
    }),
  ];
}

async function finish(deps: ApiDependencies, { tenant_id, runner_target }: Principal, receipt: Receipt): Promise<Answer> {
  if (runner_target === null) return notFound("This");
  const verdict = verifySigned("receipt", receipt, await runnerKeys(deps.db, tenant_id, runner_target));
  if (verdict === "key_unknown") return problem("forbidden", `The key ${receipt.kid} is not registered for runners of ${runner_target}.`);
  if (verdict === "signature_invalid") return problem("forbidden", "The receipt's signature does not verify.");
  const command = await commandByJti(deps.db, { tenant_id, jti: receipt.jti });
  const isOurs = command !== undefined && command.job_id === receipt.jobId && command.target === runner_target;
  if (!isOurs || (await findTenant(deps.db, tenant_id))?.transport !== "pull") return notFound("This pending command");
  if (isFinal(command.status))
    return problem("closed", "The command is finished already; read its receipt.", { members: { jti: receipt.jti } });
  const answer = await deps.flows.finish(command.workflow_id, receipt);
  const refusal = answer.ok ? answer.value.denial : answer.denial;
  return refusal === null ? ok({ ok: true }) : denialProblem(refusal);
}
