import { z } from "zod";
import { verifySignedObject } from "../../domain/bytes/signature.js";
import { authoritySchema } from "../../domain/card/authority.js";
import { isFinalStatus } from "../../domain/card/flow-status.js";
import { targetSchema } from "../../domain/ids.js";
import { envelopeSchema } from "../../domain/permit/envelope.js";
import { type Report, reportSchema, toRunnerAnswer } from "../../domain/permit/receipt.js";
import { toReceiptKey } from "../../domain/storage-key.js";
import { readAuthority } from "../../lab256/acts/recorded-approval.js";
import type { Principal } from "../../lab256/identity/authentication.js";
import { listRunnerKeys } from "../../lab256/identity/runner-keys.js";
import { findTenant } from "../../lab256/identity/tenants.js";
import { findCard } from "../../lab256/ledger/queries/cards.js";
import { type CommandItem, findCommandByJti, listCommands } from "../../lab256/ledger/queries/commands.js";
import { readClaim } from "../../storage/claims.js";
import type { ObjectStore } from "../../storage/ports.js";
import type { ApiDependencies } from "../dependencies.js";
import { RECEIPT_EXAMPLE } from "../http/examples.js";
import { buildDenialProblem, buildProblem, refuseNotFound } from "../http/problem.js";
import { jtiParams, pageQuery, tenantQuery } from "../http/queries.js";
import { type Answer, answerOk, defineRunnerRoute, groupRoutes, type Route } from "../http/route.js";

/** A push of many branches lists an artifact for each. */
const REPORT_MAX_BYTES = 1024 * 1024;

const PENDING = "This pending command";

const pendingQuery = pageQuery.extend({ target: targetSchema, pending: z.literal("1", "Write `pending=1`.") });

/** Routes for runners that pull over HTTP, for tenants with that transport. Source: ADR-002 §10. */
export function buildRunnerRoutes(deps: ApiDependencies): readonly Route[] {
  return groupRoutes("runners", [
    defineRunnerRoute("GET", "/v1/query/commands", {
      tenant: "query",
      summary: "List the commands that a runner may pull, the oldest first",
      detail: "Only for runners of that target. The list is empty if the tenant's transport is Temporal.",
      input: { query: pendingQuery },
      answers: { 200: { text: "The envelopes", schema: z.array(envelopeSchema) } },
      async handle({ principal: { tenant_id, runner_target }, query: { target, limit, after } }) {
        if (target !== runner_target) return refuseNotFound("This target");
        if ((await findTenant(deps.db, tenant_id))?.transport !== "pull") return answerOk([]);
        const page = await listCommands(deps.db, { tenant_id, target, pending: true, limit, after });
        return answerOk(page.items.map(({ envelope }) => envelope));
      },
    }),
    defineRunnerRoute("GET", "/v1/commands/:jti/authority", {
      tenant: "query",
      summary: "Read what a pending command of a card rests on",
      detail:
        "The card, the approvals of its plan in the order in which they came to count, and the attestations. A command without a card has null. The runner verifies all of it itself.",
      input: { params: jtiParams, query: tenantQuery },
      answers: { 200: { text: "Card, approvals and attestations", schema: authoritySchema.nullable() } },
      problems: ["closed"],
      async handle({ principal, params: { jti }, correlate }) {
        correlate(jti);
        const found = await findPendingCommand(deps, principal, jti);
        if (!found.ok) return found.answer;
        const { tenant_id, card_id } = found.command;
        const card = card_id === null ? undefined : await findCard(deps.db, { tenant_id, card_id });
        return answerOk(card === undefined ? null : readAuthority(card));
      },
    }),
    defineRunnerRoute("POST", "/v1/exec.finish", {
      tenant: "body",
      summary: "Report a receipt or a refusal",
      detail:
        "A key that is registered for the runner's target must have signed it. The `jobId` must be pending, and `envelope_digest` must match its envelope. A refusal ends the command and its permit. If the act is claimed for this command, a refusal is 409 `permit_used`, because the receipt is the answer. After any 409 the runner has nothing more to do.",
      input: { body: reportSchema },
      example: RECEIPT_EXAMPLE,
      bodyMaxBytes: REPORT_MAX_BYTES,
      answers: { 200: { text: "The answer is recorded", schema: z.object({ ok: z.literal(true) }) } },
      problems: ["forbidden", "answer_invalid", "closed", "permit_used"],
      async handle({ principal, body, correlate }) {
        correlate(body.jti);
        return finishCommand(deps, principal, body, correlate);
      },
    }),
  ]);
}

async function finishCommand(
  deps: ApiDependencies,
  principal: Principal,
  report: Report,
  correlate: (id: string) => void,
): Promise<Answer> {
  const { tenant_id, runner_target } = principal;
  if (runner_target === null) return refuseNotFound("This");
  const reported = toRunnerAnswer(report);
  const verdict = verifySignedObject(reported.kind, report, await listRunnerKeys(deps.db, tenant_id, runner_target));
  if (verdict === "key_unknown")
    return buildProblem("forbidden", `The key ${report.kid} is not registered for runners of ${runner_target}.`);
  if (verdict === "signature_invalid") return buildProblem("forbidden", `The ${reported.kind}'s signature does not verify.`);
  const found = await findPendingCommand(deps, principal, report.jti);
  if (!found.ok) return found.answer;
  const { command } = found;
  if (command.card_id !== null) correlate(command.card_id);
  if (command.job_id !== report.jobId) return refuseNotFound(PENDING);
  if (command.envelope_digest !== report.envelope_digest)
    return buildProblem(
      "answer_invalid",
      `The ${reported.kind}'s \`envelope_digest\` is not that of the pending envelope; pull the command again.`,
    );
  // Every message adds to the flow's history, and a runner may repeat its refusal while another one acts.
  if (reported.kind === "refusal" && (await isReceiptAwaited(deps.store, command)))
    return buildProblem("permit_used", "The act is claimed for this command; wait for its receipt.");
  const answer = await deps.flows.sendRunnerAnswer(command.workflow_id, reported);
  const refusal = answer.ok ? answer.value.denial : answer.denial;
  return refusal === null ? answerOk({ ok: true }) : buildDenialProblem(refusal);
}

type PendingCommand = { readonly ok: true; readonly command: CommandItem } | { readonly ok: false; readonly answer: Answer };

/** Finds a pending command that this runner may pull. For commands of others the answer is the same as for unknown ones. */
async function findPendingCommand(deps: ApiDependencies, { tenant_id, runner_target }: Principal, jti: string): Promise<PendingCommand> {
  const [command, tenant] = await Promise.all([findCommandByJti(deps.db, { tenant_id, jti }), findTenant(deps.db, tenant_id)]);
  if (command === undefined || command.target !== runner_target || tenant?.transport !== "pull")
    return { ok: false, answer: refuseNotFound(PENDING) };
  if (!isFinalStatus(command.status)) return { ok: true, command };
  return { ok: false, answer: buildProblem("closed", "The command is finished; read its receipt.", { members: { jti } }) };
}

/** Whether a Runner has claimed the act for this envelope and has written no receipt yet. */
async function isReceiptAwaited(store: ObjectStore, { tenant_id, jti, envelope_digest }: CommandItem): Promise<boolean> {
  const claim = (await readClaim(store, tenant_id, jti))?.claim;
  if (claim?.envelope_digest !== envelope_digest) return false;
  return (await store.blobs.stat(toReceiptKey(tenant_id, jti))) === undefined;
}
