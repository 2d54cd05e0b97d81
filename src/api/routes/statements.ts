import { z } from "zod";
import { listCountingPasskeys, needsStepUp, PLANNING_MAX_MS } from "../../decision/judge-statement.js";
import { hashCanonical } from "../../domain/bytes/canonical.js";
import { hashCard } from "../../domain/card/card.js";
import type { FlowStatus } from "../../domain/card/flow-status.js";
import { assertionSchema, hashStatement, STATEMENT_DECISIONS, type Statement, statementSchema } from "../../domain/card/statement.js";
import { OUTDATES_PLAN } from "../../domain/flow/lab256-steps.js";
import { officeIdSchema, tenantIdSchema } from "../../domain/ids.js";
import { findWhyNotCounted, judgeCardStatement } from "../../lab256/acts/statements.js";
import type { Principal } from "../../lab256/identity/authentication.js";
import { attestStatement, createNonce } from "../../lab256/identity/passkeys/statements.js";
import { createStepUpOptions } from "../../lab256/identity/passkeys/step-up.js";
import { type CardDetail, findCard } from "../../lab256/ledger/queries/cards.js";
import { resolveActingOffice } from "../acts/office.js";
import { answerVerdict, isOpenForDecisions, refuseClosedCard, refuseMessage, verdictSchema } from "../acts/verdict.js";
import type { ApiDependencies } from "../dependencies.js";
import { STATEMENT_EXAMPLE } from "../http/examples.js";
import { buildDenialProblem, buildProblem, refuseNotFound } from "../http/problem.js";
import { type Answer, answerOk, defineMemberRoute, groupRoutes, type Route } from "../http/route.js";
import { cardParams, PLAN_WAIT_MS, waitForCard } from "./cards.js";

const preparationSchema = z.strictObject({
  tenant_id: tenantIdSchema,
  decision: z.enum(STATEMENT_DECISIONS, "Write `approve`, `reject` or `withdraw`."),
  office_id: officeIdSchema,
});

const submissionSchema = z.strictObject({ statement: statementSchema, assertion: assertionSchema.optional() });

/** Decisions of people about a card's plan. Source: contracts "Plan and statements". */
export function buildStatementRoutes(deps: ApiDependencies): readonly Route[] {
  return groupRoutes("cards", [
    defineMemberRoute("POST", "/v1/cards/:id/statements/prepare", {
      tenant: "body",
      summary: "Prepare an approval, rejection or withdrawal of a card's current plan",
      detail:
        "From L4 on, or if the policy requires it, `step_up` is the argument of `navigator.credentials.get`. Its challenge is the BLAKE3 of the statement's canonical JSON; a client should compute it from the statement that it shows. A withdrawal needs none. A card without a plan can be rejected or withdrawn: `plan_digest` is null then, and a rejection needs the step-up of L5.",
      input: { params: cardParams, body: preparationSchema },
      example: { tenant_id: "T.UBL", decision: "approve", office_id: "office::default" },
      answers: {
        200: {
          text: "The statement to sign",
          schema: z.object({ statement: statementSchema, step_up: z.record(z.string(), z.unknown()).nullable() }),
        },
      },
      problems: ["closed", "conflict", "step_up_required"],
      async handle({ principal, params: { id }, body, signal, correlate }) {
        correlate(id);
        return prepareStatement(deps, principal, id, body, signal);
      },
    }),
    defineMemberRoute("POST", "/v1/cards/:id/statements", {
      tenant: "statement",
      summary: "Approve, reject or withdraw",
      detail:
        "The body has the statement as it was prepared, and the passkey's assertion if `step_up` was not null. A repeated statement changes nothing. An approval of a plan that has changed is refused, and the card gets a new one.",
      input: { params: cardParams, body: submissionSchema },
      example: STATEMENT_EXAMPLE,
      answers: { 200: { text: "The statement counts; `state` is the card's state after it", schema: verdictSchema } },
      problems: [
        ...(["statement_invalid", "statement_not_counted", "step_up_required", "step_up_invalid", "decide_by_passed", "closed"] as const),
        ...OUTDATES_PLAN,
      ],
      async handle({ principal, params: { id }, body, correlate }) {
        correlate(id);
        return submitStatement(deps, principal, id, body);
      },
    }),
  ]);
}

async function prepareStatement(
  deps: ApiDependencies,
  principal: Principal,
  cardId: string,
  asked: z.infer<typeof preparationSchema>,
  signal: AbortSignal,
): Promise<Answer> {
  const { tenant_id, decision } = asked;
  const found = await findCard(deps.db, { tenant_id, card_id: cardId });
  if (found === undefined) return refuseNotFound("This card");
  // Who rejects or withdraws need not see the new plan.
  const card = decision === "approve" ? await waitForNewPlan(deps, found, signal) : found;
  const office = resolveActingOffice(principal, asked.office_id);
  if (!office.ok) return office.problem;
  if (!isOpenForDecisions(card)) return refuseClosedCard(deps, card);
  const { plan_digest, decide_by } = card;
  if (plan_digest === null && decision === "approve")
    return buildProblem("conflict", "The card has no plan yet; ask again when it waits for approval.", { members: { state: card.status } });
  if (decision === "approve" && card.void_why !== null)
    return buildProblem("conflict", `The card gets a new plan: ${card.void_why}`, { members: { state: card.status } });
  const statement: Statement = {
    tenant_id,
    card_id: cardId,
    card_digest: hashCard(card.card),
    round: card.round,
    plan_digest,
    decision,
    approver: principal.actor_id,
    office_id: office.office_id,
    nonce: createNonce(),
    not_after: decide_by ?? card.opened_at + PLANNING_MAX_MS,
  };
  // Before the plan, the level is not known and counts as the highest.
  const { level, requires } = { ...card, level: card.level ?? "L5" };
  if (!needsStepUp({ level, requires }, decision)) return answerOk({ statement, step_up: null });
  if (principal.kind !== "person" || principal.person_id === null)
    return buildProblem("step_up_required", "This card needs a step-up, and only persons have passkeys; use a token of a person.");
  const { person_id } = principal;
  const charter = await deps.policies.charters.readNewest(tenant_id);
  if (!charter.ok) return buildDenialProblem(charter.denial);
  const policy = await deps.policies.readPolicyByHash(tenant_id, charter.value.policy_hash);
  if (!policy.ok) return buildDenialProblem(policy.denial);
  const counting = listCountingPasskeys({ charter: charter.value, policy: policy.value }, card.card, person_id, level);
  const step_up = await createStepUpOptions(deps.db, { statement, person_id, rp: deps.resolveRelyingParty(), counting });
  if (step_up.allowCredentials?.length) return answerOk({ statement, step_up });
  const refused = decision === "approve" ? await findWhyNotCounted(deps, card, statement, deps.now()) : undefined;
  if (refused !== undefined) return buildDenialProblem(refused);
  const naming = charter.value.find("sealed") === undefined ? "ogr charter add-passkey" : "ogr charter propose-passkey";
  return buildProblem("step_up_required", `This card needs a step-up, and you have no passkey that counts at ${level}.`, {
    next: `Register one with \`ogr passkey register\` (/v1/passkeys/registration), unless one of yours waits, and have the charter name it: \`${naming}\`.`,
  });
}

/** Waits until a card whose plan has changed has a new one. Returns it as it is after PLAN_WAIT_MS. */
async function waitForNewPlan(deps: ApiDependencies, card: CardDetail, signal: AbortSignal): Promise<CardDetail> {
  if (!(await deps.looks.checkForDecision(card))) return card;
  const isPlanned = (status: FlowStatus, { round }: CardDetail) => status !== "awaiting_approval" || round > card.round;
  return (await waitForCard(deps, card, isPlanned, PLAN_WAIT_MS, signal)) ?? card;
}

async function submitStatement(
  deps: ApiDependencies,
  principal: Principal,
  cardId: string,
  { statement, assertion }: z.infer<typeof submissionSchema>,
): Promise<Answer> {
  const { tenant_id } = principal;
  if (statement.approver !== principal.actor_id)
    return buildProblem("forbidden", `The token belongs to ${principal.actor_id}; \`statement.approver\` must be that actor.`);
  if (statement.card_id !== cardId)
    return buildProblem("invalid_request", "The statement is about another card.", {
      errors: [{ field: "statement.card_id", problem: `The path says ${cardId}.` }],
    });
  const card = await findCard(deps.db, { tenant_id, card_id: cardId });
  if (card === undefined) return refuseNotFound("This card");
  const signed = { ...attestStatement(statement, deps.statementKey), ...(assertion === undefined ? {} : { assertion }) };
  const digest = hashStatement(statement);
  // The flow answers a repeated statement as it did the first time, whatever came after it.
  if (card.statements.some(({ statement_digest }) => statement_digest === digest))
    return answerVerdict(deps, card, await deps.flows.sendStatement(tenant_id, cardId, signed, digest));
  if (!isOpenForDecisions(card)) return refuseClosedCard(deps, card);
  const counted = await judgeCardStatement(deps, card, signed, deps.now());
  if (!counted.ok) return refuseMessage(deps, card, counted.denial);
  return answerVerdict(deps, card, await deps.flows.sendStatement(tenant_id, cardId, signed, hashCanonical(signed)));
}
