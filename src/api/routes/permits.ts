import { z } from "zod";
import { hashSubject } from "../../domain/act/job.js";
import { jtiSchema, tenantIdSchema } from "../../domain/ids.js";
import { LEVELS } from "../../domain/level.js";
import { permitSchema } from "../../domain/permit/permit.js";
import { type PermitRequest, permitRequestSchema } from "../../domain/permit/permit-request.js";
import { reasonSchema, requirementSchema } from "../../domain/policy/policy-contract.js";
import { buildTextSchema } from "../../domain/text.js";
import { PERMIT_STATUSES } from "../../lab256/database/tables/projections.js";
import type { Principal } from "../../lab256/identity/authentication.js";
import { findCard } from "../../lab256/ledger/queries/cards.js";
import { findPermitByCard, findPermitByJti, type PermitItem } from "../../lab256/ledger/queries/permits.js";
import { endPermit } from "../../lab256/permits/end-permit.js";
import { issueDirectPermit } from "../../lab256/permits/permits.js";
import { resolveActingOffice } from "../acts/office.js";
import { listOfficesAllowedTo } from "../acts/policy-offices.js";
import type { ApiDependencies } from "../dependencies.js";
import { PERMIT_REQUEST_EXAMPLE } from "../http/examples.js";
import { buildDenialProblem, buildProblem, type ProblemAnswer, refuseNotFound } from "../http/problem.js";
import { jtiParams, tenantQuery } from "../http/queries.js";
import { type Answer, answerOk, defineMemberRoute, groupRoutes, type Route } from "../http/route.js";

/** Fits an inline patch of 1 MiB in base64, or notes of 256 KiB in the longest JSON spelling. */
export const COMMAND_MAX_BYTES = 2 * 1024 * 1024;

const grantedSchema = z.object({
  allowed: z.literal(true),
  level: z.enum(LEVELS),
  reasons: z.array(reasonSchema),
  permit: permitSchema,
  subject_hash: z.string(),
  policy_hash: z.string(),
});

const permitStateSchema = z.object({
  jti: jtiSchema,
  status: z.enum(PERMIT_STATUSES),
  permit: permitSchema,
  card_id: z.string().nullable(),
  actor_id: z.string(),
  intent: z.string(),
  issued_at: z.number(),
  exp: z.number(),
  ended_at: z.number().nullable(),
  end_reason: z.string().nullable(),
  ended_by: z.string().nullable(),
});

const revocationSchema = z.strictObject({
  tenant_id: tenantIdSchema,
  reason: z.string().trim().min(1, "Say in a sentence why.").pipe(buildTextSchema("The reason", 500)),
});

/** Permits: requested, read, revoked. Source: ADR-002 §10. */
export function buildPermitRoutes(deps: ApiDependencies): readonly Route[] {
  return groupRoutes("permits", [
    defineMemberRoute("POST", "/v1/policy/permit", {
      tenant: "body",
      act: "permit",
      summary: "Ask the policy for a permit",
      detail:
        "A denial is 403 with `allowed: false`, `level`, `reasons[]` and `requires[]`. From L3 on, name in `approval_ref` a card that was approved for the same params: the answer is then the card's own permit. Requirements have the kinds " +
        requirementSchema.options.map((option) => `\`${option.shape.kind.value}\``).join(", ") +
        ".",
      input: { body: permitRequestSchema },
      example: PERMIT_REQUEST_EXAMPLE,
      bodyMaxBytes: COMMAND_MAX_BYTES,
      answers: { 200: { text: "The permit and the hashes that the envelope repeats", schema: grantedSchema } },
      problems: ["policy_denied", "approval_required", "permit_expired", "permit_revoked", "tenant_unknown", "policy_not_current"],
      async handle({ principal, body, correlate }) {
        if (body.approval_ref !== undefined) correlate(body.approval_ref);
        return answerPermitRequest(deps, principal, body, correlate);
      },
    }),
    defineMemberRoute("GET", "/v1/permits/:jti", {
      tenant: "query",
      summary: "Read a permit and its status",
      input: { params: jtiParams, query: tenantQuery },
      answers: { 200: { text: "The permit", schema: permitStateSchema } },
      async handle({ principal: { tenant_id }, params: { jti }, correlate }) {
        correlate(jti);
        const row = await findPermitByJti(deps.db, { tenant_id, jti });
        return row === undefined ? refuseNotFound("This permit") : answerOk(toPermitView(row));
      },
    }),
    defineMemberRoute("POST", "/v1/permits/:jti/revoke", {
      tenant: "body",
      summary: "Revoke an unused permit",
      detail:
        "Its own actor may revoke it, and every actor with an office that holds `card.approve`. A permit is either used or revoked, never both. Repeating the request gives the same answer.",
      input: { params: jtiParams, body: revocationSchema },
      example: { tenant_id: "T.UBL", reason: "The branch is no longer wanted." },
      answers: { 200: { text: "The permit is revoked", schema: z.object({ ended: z.literal(true) }) } },
      problems: ["permit_used"],
      async handle({ principal, params: { jti }, body, correlate }) {
        correlate(jti);
        return revokePermit(deps, principal, jti, body.reason);
      },
    }),
  ]);
}

async function answerPermitRequest(
  deps: ApiDependencies,
  principal: Principal,
  request: PermitRequest,
  correlate: (jti: string) => void,
): Promise<Answer> {
  const { actor_id, office_id, context: _, approval_ref, ...act } = request;
  if (actor_id !== principal.actor_id)
    return buildProblem(
      "forbidden",
      `The token belongs to ${principal.actor_id}; set \`actor_id\` to that actor, or use a token of ${actor_id}.`,
    );
  const office = resolveActingOffice(principal, office_id);
  if (!office.ok) return office.problem;
  if (approval_ref !== undefined) return answerCardPermit(deps, principal, request, approval_ref);
  const requester = { actor_id, person_id: principal.person_id, member_offices: principal.offices.map(({ office_id }) => office_id) };
  // The Runner checks that the project exists; a check here would cost every command a query.
  const answer = await issueDirectPermit(deps.permits, requester, { ...act, office_id: office.office_id, project_exists: null });
  if (answer.allowed) {
    correlate(answer.permit.jti);
    return answerOk(answer);
  }
  const { denial, ...decision } = answer;
  return toForbiddenAnswer(buildDenialProblem(denial, { members: decision }));
}

/** Answers with the permit of an approved card for exactly these params. */
async function answerCardPermit(deps: ApiDependencies, principal: Principal, request: PermitRequest, cardId: string): Promise<Answer> {
  const { tenant_id, jobType, target, params } = request;
  const [card, issued] = await Promise.all([
    findCard(deps.db, { tenant_id, card_id: cardId }),
    findPermitByCard(deps.db, { tenant_id, card_id: cardId }),
  ]);
  const decision = { allowed: false, level: card?.level ?? null, reasons: card?.reasons ?? [], requires: card?.requires ?? [] };
  const refusePermit = (code: "approval_required" | "permit_expired" | "permit_revoked", detail: string) =>
    buildProblem(code, detail, { members: decision });
  const subject_hash = hashSubject(params);
  if (card === undefined) return refusePermit("approval_required", `There is no card ${cardId}; open one for this act.`);
  if (card.subject_hash !== subject_hash || card.job_type !== jobType || card.target !== target)
    return refusePermit("approval_required", `The card ${cardId} is for another act: job type, target and params must be the card's own.`);
  if (issued === undefined)
    return refusePermit(
      "approval_required",
      `The card ${cardId} is ${card.status.replaceAll("_", " ")}; its permit exists once it is approved.`,
    );
  if (issued.actor_id !== principal.actor_id) return buildProblem("forbidden", `The permit of ${cardId} is ${issued.actor_id}'s own.`);
  if (issued.status === "revoked" || issued.status === "refused")
    return refusePermit("permit_revoked", `The permit of ${cardId} was ended: ${issued.end_reason ?? ""}`);
  if (issued.status === "expired" || (issued.status === "issued" && issued.exp <= deps.now()))
    return refusePermit(
      "permit_expired",
      `The permit of ${cardId} expired at ${issued.exp}, and a card's permit is never renewed; open a new card.`,
    );
  const { level, policy_hash } = issued.permit.scopes;
  return answerOk({ allowed: true, level, reasons: card.reasons, permit: issued.permit, subject_hash, policy_hash });
}

/** A policy's denial is 403 on this route, whatever the status of its code elsewhere. */
function toForbiddenAnswer(answer: ProblemAnswer): ProblemAnswer {
  return { ...answer, status: 403, body: { ...answer.body, status: 403 } };
}

async function revokePermit(deps: ApiDependencies, principal: Principal, jti: string, reason: string): Promise<Answer> {
  const { tenant_id, actor_id, offices } = principal;
  const row = await findPermitByJti(deps.db, { tenant_id, jti });
  if (row === undefined) return refuseNotFound("This permit");
  if (row.actor_id !== actor_id) {
    const approvers = await listOfficesAllowedTo(deps.policies, tenant_id, "card.approve");
    if (!offices.some(({ office_id }) => approvers.has(office_id)))
      return buildProblem("forbidden", "Only the permit's own actor, or an actor with an office that holds `card.approve`, may revoke it.");
  }
  const { card_id } = row;
  if ((await endPermit(deps.permits, { tenant_id, jti, card_id, end: "revoked", reason, by: actor_id })) === "acted")
    return buildProblem("permit_used", "A Runner has used the permit; read its receipt.", {
      members: { jti, status_url: deps.urls.buildStatusUrl(tenant_id, jti) },
    });
  if (card_id !== null) await deps.flows.signalPermitEnded(tenant_id, card_id);
  return answerOk({ ended: true });
}

function toPermitView(row: PermitItem): z.infer<typeof permitStateSchema> {
  const { jti, status, permit, card_id, actor_id, intent, issued_at, exp, ended_at, end_reason, ended_by } = row;
  return { jti, status, permit, card_id, actor_id, intent, issued_at, exp, ended_at, end_reason, ended_by };
}
