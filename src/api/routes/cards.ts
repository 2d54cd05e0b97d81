import { randomBytes, randomUUID } from "node:crypto";
import { z } from "zod";
import { hashSubject, omitPatchBytes } from "../../domain/act/job.js";
import { toCardWorkflowId } from "../../domain/act/workflow-id.js";
import { signObject } from "../../domain/bytes/signature.js";
import { type Card, type CardRequest, cardRequestSchema, type UnsignedCard } from "../../domain/card/card.js";
import { type FlowStatus, isFinalStatus } from "../../domain/card/flow-status.js";
import { cardIdSchema } from "../../domain/ids.js";
import { buildJobIdTaken } from "../../lab256/acts/card-closed.js";
import type { Principal } from "../../lab256/identity/authentication.js";
import { type CardDetail, findCard, listCards } from "../../lab256/ledger/queries/cards.js";
import { findJobOwner } from "../../lab256/ledger/queries/job-owner.js";
import { cardItemSchema, cardSchema, toCardDetailView, toCardItemView } from "../acts/card-view.js";
import { resolveActingOffice } from "../acts/office.js";
import type { ApiDependencies } from "../dependencies.js";
import { CARD_REQUEST_EXAMPLE } from "../http/examples.js";
import { buildDenialProblem, refuseNotFound, refuseUnavailable } from "../http/problem.js";
import { actsQuery, answerPage, statusSchema, tenantQuery, waitSchema } from "../http/queries.js";
import { type Answer, answerCreated, answerOk, defineMemberRoute, groupRoutes, type Route } from "../http/route.js";
import { parseInlinePatch, stagePatch } from "../staging/staged-patch.js";
import { COMMAND_MAX_BYTES } from "./permits.js";

/** How long the answer to a new card waits for its plan, in milliseconds. */
export const PLAN_WAIT_MS = 10_000;
/** How long the first step of a started flow may take to record its card, in milliseconds. */
const OPENING_WAIT_MS = 2000;

export const cardParams = z.strictObject({ id: cardIdSchema });
const cardQuery = tenantQuery.extend({ wait_ms: waitSchema, not_status: statusSchema.optional() });

/** Cards: proposals with a plan that people decide about. Source: contracts "Plan and statements". */
export function buildCardRoutes(deps: ApiDependencies): readonly Route[] {
  return groupRoutes("cards", [
    defineMemberRoute("POST", "/v1/cards", {
      tenant: "body",
      load: "wait",
      act: "card",
      summary: "Open a card",
      detail:
        "Answers when the plan exists or the card is closed, at the latest after ten seconds. `params` are those of the job type. A patch is in `params` or is staged before. `break_glass` declares an emergency of a project: the act is L5, and its author and pushers may approve it.",
      input: { body: cardRequestSchema },
      example: CARD_REQUEST_EXAMPLE,
      bodyMaxBytes: COMMAND_MAX_BYTES,
      answers: { 201: { text: "The card", schema: cardSchema } },
      problems: ["subject_hash_mismatch"],
      handle: ({ principal, body, signal, correlate }) => openCard(deps, principal, body, signal, correlate),
    }),
    defineMemberRoute("GET", "/v1/cards", {
      tenant: "query",
      summary: "List the tenant's cards, the latest opened first",
      detail: 'A `Link` header with rel="next" leads to the next page.',
      input: { query: actsQuery },
      answers: { 200: { text: "The cards, without plan, params, context, statements and attestations", schema: z.array(cardItemSchema) } },
      async handle(call) {
        const { items, next } = await listCards(deps.db, call.query);
        const views = items.map((card) => toCardItemView(card, deps.urls));
        return answerPage(call, views, next);
      },
    }),
    defineMemberRoute("GET", "/v1/cards/:id", {
      tenant: "query",
      summary: "Read a card with its plan and statements",
      detail:
        "A card whose plan has changed gets a new one because somebody reads it; `void_why` says why the approvals of this round are void, until it has. With `wait_ms` it answers when the status differs from `not_status` (without `not_status`: when it is final), at the latest after that time.",
      input: { params: cardParams, query: cardQuery },
      answers: { 200: { text: "The card", schema: cardSchema } },
      async handle({ principal: { tenant_id }, params: { id }, query: { wait_ms, not_status }, signal, correlate }) {
        correlate(id);
        const isWaitOver = (status: FlowStatus) => (not_status === undefined ? isFinalStatus(status) : status !== not_status);
        const card = await waitForCard(deps, { tenant_id, card_id: id }, isWaitOver, wait_ms, signal, (read) =>
          deps.looks.noteReader(read),
        );
        if (card !== undefined) return answerOk(toCardDetailView(card, deps.urls));
        if (!(await deps.flows.hasStartedCard(tenant_id, id))) return refuseNotFound("This card");
        // The flow has started; its first step records the card.
        const opened = await waitForCard(deps, { tenant_id, card_id: id }, () => true, OPENING_WAIT_MS, signal);
        return opened === undefined
          ? refuseUnavailable("The flow of the card has not recorded it yet.")
          : answerOk(toCardDetailView(opened, deps.urls));
      },
    }),
  ]);
}

async function openCard(
  deps: ApiDependencies,
  principal: Principal,
  request: CardRequest,
  signal: AbortSignal,
  correlate: (id: string) => void,
): Promise<Answer> {
  const office = resolveActingOffice(principal, request.office_id);
  if (!office.ok) return office.problem;
  const inline = parseInlinePatch(request);
  if (inline.denial !== null) return buildDenialProblem(inline.denial, { status: 422 });
  if (request.jobId !== undefined) {
    const owner = await findJobOwner(deps.db, { tenant_id: request.tenant_id, job_id: request.jobId, card_id: null });
    if (owner !== undefined) return buildDenialProblem(buildJobIdTaken(request.jobId, owner));
  }
  await stagePatch(deps.store, request.tenant_id, inline.patch);
  const unsigned: UnsignedCard = {
    ...omitPatchBytes(request),
    card_id: `k-${randomBytes(10).toString("hex")}`,
    jobId: request.jobId ?? `job-${randomUUID()}`,
    author: { actor_id: principal.actor_id, person_id: principal.person_id },
    opened_at: deps.now(),
  };
  const card = signObject("card", unsigned, deps.statementKey);
  correlate(card.card_id);
  await deps.flows.startCard(card);
  const planned = await waitForCard(deps, card, (status) => status !== "planning", PLAN_WAIT_MS, signal);
  return answerCreated(toCardDetailView(planned ?? toUnrecordedCard(card), deps.urls));
}

/** Waits until the card has a wanted status. After `waitMs` returns the card as it is, or undefined if the ledger does not know it. */
export async function waitForCard(
  deps: ApiDependencies,
  card: { readonly tenant_id: string; readonly card_id: string },
  isWanted: (status: FlowStatus, card: CardDetail) => boolean,
  waitMs: number,
  signal: AbortSignal,
  onRead: (card: CardDetail) => void = () => undefined,
): Promise<CardDetail | undefined> {
  const readCard = async () => {
    const read = await findCard(deps.db, card);
    if (read !== undefined) onRead(read);
    return read;
  };
  let latest = await readCard();
  if (waitMs === 0 || (latest !== undefined && isWanted(latest.status, latest))) return latest;
  const readWantedCard = async () => {
    latest = await readCard();
    return latest !== undefined && isWanted(latest.status, latest) ? latest : undefined;
  };
  await deps.watch.readUntilFound(
    readWantedCard,
    (notice) => notice.tenant_id === card.tenant_id && notice.card_id === card.card_id,
    waitMs,
    signal,
  );
  return latest;
}

/** Shows a card that its flow has not recorded yet. */
function toUnrecordedCard(card: Card): CardDetail {
  const { tenant_id, card_id, jobId, jobType, params, target, office_id, author, intent, context, run, opened_at } = card;
  return {
    card,
    ...{ tenant_id, card_id, job_id: jobId, job_type: jobType, params, target, office_id, author, intent, context, run, opened_at },
    ...{ seq: 0, status: "planning", level: null, round: 0, plan: null, plan_digest: null, requires: [], missing: [], reasons: [] },
    break_glass: card.break_glass ?? null,
    ...{
      decide_by: null,
      permit_ttl_ms: null,
      void_why: null,
      run_by: null,
      jti: null,
      denial: null,
      updated_at: opened_at,
      closed_at: null,
    },
    project_id: params.project_id,
    subject_hash: hashSubject(params),
    workflow_id: toCardWorkflowId(tenant_id, card_id),
    permit_status: null,
    statements: [],
    attestations: [],
  };
}
