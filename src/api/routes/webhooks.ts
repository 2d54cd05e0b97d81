import { z } from "zod";
import { tenantIdSchema } from "../../domain/ids.js";
import { WEBHOOKS_MAX_COUNT, webhookIdSchema, webhookSchema } from "../../domain/ledger/webhook.js";
import type { Principal } from "../../lab256/identity/authentication.js";
import { PAGE_ROWS_MAX } from "../../lab256/ledger/queries/page.js";
import {
  declareWebhook,
  disableWebhook,
  findWebhook,
  listDeadLetters,
  listWebhooks,
  replayDeadLetters,
  type Webhook,
} from "../../lab256/webhooks/webhooks.js";
import { listOfficesAllowedTo } from "../acts/policy-offices.js";
import type { ApiDependencies } from "../dependencies.js";
import { buildProblem, refuseNotFound } from "../http/problem.js";
import { tenantQuery } from "../http/queries.js";
import { type Answer, answerOk, defineMemberRoute, groupRoutes, type Route } from "../http/route.js";

/** Managing webhooks requires the power to manage members: both decide who sees every event. */
const MANAGING_ACTION = "registry.members.change";

const webhookShape = z.object({
  webhook_id: webhookIdSchema,
  url: z.string(),
  types: z.array(z.string()).nullable(),
  retries_ms: z.array(z.number()),
  /** Every entry up to this one was delivered, was filtered out, or is a dead letter. */
  delivered_seq: z.number(),
  created_by: z.string(),
  created_at: z.number(),
  disabled_at: z.number().nullable(),
});
const declaredShape = webhookShape.extend({ secret: z.string().optional() });
const deadLetterShape = z.object({ seq: z.number(), reason: z.string(), replay: z.boolean(), at_ms: z.number() });

const params = z.strictObject({ webhook_id: webhookIdSchema });
const tenantBody = z.strictObject({ tenant_id: tenantIdSchema });
const EXAMPLE = { tenant_id: "T.UBL", url: "https://events.example/ogr", types: ["receipt.recorded"] };

/** Webhooks that receive the events of a ledger. Source: CloudEvents 1.0.2, Standard Webhooks 1.0. */
export function buildWebhookRoutes(deps: ApiDependencies): readonly Route[] {
  return groupRoutes("webhooks", [
    defineMemberRoute("PUT", "/v1/webhooks/:webhook_id", {
      tenant: "body",
      summary: "Declare a webhook that receives the events of the tenant's ledger",
      detail:
        "Each event is a CloudEvent 1.0.2 in structured JSON, signed as Standard Webhooks defines (`webhook-id`, `webhook-timestamp`, `webhook-signature`). Events arrive in the order of the ledger, at least once; a repeated `id` is the same event. A new webhook starts with the next event. The answer has the `secret` only when it is new: the first time, or after `rotate_secret`. Declaring a webhook again changes it and enables it where it stopped. Webhooks require an office that holds `registry.members.change`.",
      input: { params, body: tenantBody.extend(webhookSchema.shape) },
      example: EXAMPLE,
      answers: { 200: { text: "The webhook; `secret` only when that is new", schema: declaredShape } },
      problems: ["limit_exceeded"],
      handle: ({ principal, params: { webhook_id }, body: { tenant_id, ...declared } }) =>
        runAsWebhookManager(deps, principal, async () => {
          const ref = { tenant_id, webhook_id };
          const made = await declareWebhook(deps.db, ref, declared, { actor_id: principal.actor_id, atMs: deps.now() });
          if (made === undefined)
            return buildProblem("limit_exceeded", `A tenant has at most ${WEBHOOKS_MAX_COUNT} webhooks; change an existing one instead.`);
          await deps.flows.deliverWebhook(tenant_id, webhook_id);
          return answerOk({ ...toWebhookView(made.webhook), ...(made.hasNewSecret ? { secret: made.webhook.secret } : {}) });
        }),
    }),
    defineMemberRoute("GET", "/v1/webhooks", {
      tenant: "query",
      summary: "List the tenant's webhooks, without their secrets",
      input: { query: tenantQuery },
      answers: { 200: { text: "The webhooks, ordered by id", schema: z.array(webhookShape) } },
      handle: ({ principal }) =>
        runAsWebhookManager(deps, principal, async () => answerOk((await listWebhooks(deps.db, principal.tenant_id)).map(toWebhookView))),
    }),
    defineMemberRoute("POST", "/v1/webhooks/:webhook_id/disable", {
      tenant: "body",
      summary: "Disable a webhook",
      detail: "Undelivered events stay in the ledger; declaring the webhook again continues there.",
      input: { params, body: tenantBody },
      example: { tenant_id: "T.UBL" },
      answers: { 200: { text: "The webhook is disabled", schema: z.object({ disabled: z.literal(true) }) } },
      handle: ({ principal: { tenant_id }, principal, params: { webhook_id } }) =>
        runAsWebhookManager(deps, principal, async () =>
          (await disableWebhook(deps.db, { tenant_id, webhook_id }, deps.now()))
            ? answerOk({ disabled: true })
            : refuseNotFound("This webhook"),
        ),
    }),
    defineMemberRoute("GET", "/v1/webhooks/:webhook_id/dead-letters", {
      tenant: "query",
      summary: "List the events that the receiver refused after the last retry",
      input: { params, query: tenantQuery },
      answers: { 200: { text: "The dead letters, the oldest first", schema: z.array(deadLetterShape) } },
      handle: ({ principal: { tenant_id }, principal, params: { webhook_id } }) =>
        runOnWebhook(deps, principal, webhook_id, async () => {
          const letters = await listDeadLetters(deps.db, { tenant_id, webhook_id }, PAGE_ROWS_MAX);
          return answerOk(letters.map(({ seq, reason, replay, at_ms }) => ({ seq, reason, replay, at_ms })));
        }),
    }),
    defineMemberRoute("POST", "/v1/webhooks/:webhook_id/replay", {
      tenant: "body",
      summary: "Retry dead letters",
      detail: "Retries the dead letters in `seqs`, or all of them. Each gets all retries again, before any waiting event.",
      input: { params, body: tenantBody.extend({ seqs: z.array(z.int().positive()).min(1).max(PAGE_ROWS_MAX).optional() }) },
      example: { tenant_id: "T.UBL" },
      answers: { 200: { text: "The number of retried dead letters", schema: z.object({ replayed: z.number() }) } },
      handle: ({ principal: { tenant_id }, principal, params: { webhook_id }, body: { seqs } }) =>
        runOnWebhook(deps, principal, webhook_id, async ({ disabled_at }) => {
          const replayed = await replayDeadLetters(deps.db, { tenant_id, webhook_id }, seqs);
          if (disabled_at === null) await deps.flows.deliverWebhook(tenant_id, webhook_id);
          return answerOk({ replayed });
        }),
    }),
  ]);
}

async function runAsWebhookManager(deps: ApiDependencies, { tenant_id, offices }: Principal, work: () => Promise<Answer>): Promise<Answer> {
  const managingOffices = await listOfficesAllowedTo(deps.policies, tenant_id, MANAGING_ACTION);
  if (offices.some(({ office_id }) => managingOffices.has(office_id))) return work();
  return buildProblem("forbidden", `Managing webhooks requires an office that holds \`${MANAGING_ACTION}\`.`);
}

function runOnWebhook(
  deps: ApiDependencies,
  principal: Principal,
  webhook_id: string,
  work: (webhook: Webhook) => Promise<Answer>,
): Promise<Answer> {
  return runAsWebhookManager(deps, principal, async () => {
    const webhook = await findWebhook(deps.db, { tenant_id: principal.tenant_id, webhook_id });
    return webhook === undefined ? refuseNotFound("This webhook") : work(webhook);
  });
}

function toWebhookView({ webhook_id, url, types, retries_ms, delivered_seq, created_by, created_at, disabled_at }: Webhook) {
  return { webhook_id, url, types, retries_ms, delivered_seq, created_by, created_at, disabled_at };
}
