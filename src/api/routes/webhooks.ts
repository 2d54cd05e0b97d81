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
import type { ApiDependencies } from "../dependencies.js";
import { buildProblem, refuseNotFound } from "../http/problem.js";
import { tenantQuery } from "../http/queries.js";
import { type Answer, answerOk, defineGuardedRoute, type Route } from "../http/route.js";

/** What the keeper of a tenant's members may do, the keeper of its webhooks may: both decide who learns of everything. */
const MANAGING_ACTION = "registry.members.change";

const webhookShape = z.object({
  webhook_id: webhookIdSchema,
  url: z.string(),
  types: z.array(z.string()).nullable(),
  retries_ms: z.array(z.number()),
  /** Every entry up to this one was brought, was not wanted, or is a dead letter. */
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

/** The events of a ledger, brought to whom its tenant names. Source: CloudEvents 1.0.2, Standard Webhooks 1.0. */
export function buildWebhookRoutes(deps: ApiDependencies): readonly Route[] {
  return [
    defineGuardedRoute({
      method: "PUT",
      url: "/v1/webhooks/:webhook_id",
      access: "member",
      tenant: "body",
      group: "webhooks",
      summary: "Have every event of the tenant's ledger brought to an address",
      detail:
        "Each event is a CloudEvent 1.0.2 in structured JSON, signed as Standard Webhooks asks for (`webhook-id`, `webhook-timestamp`, `webhook-signature`), in the order of the ledger and at least once: an `id` that was seen is the same event. A new webhook begins with the next event, and only its first answer holds the `secret`, or one that `rotate_secret` asks for. Declaring it again changes it, and enables it again where it left off. Through an office that holds `registry.members.change`.",
      input: { params, body: tenantBody.extend(webhookSchema.shape) },
      example: EXAMPLE,
      answers: { 200: { text: "The webhook; `secret` only when that is new", schema: declaredShape } },
      problems: ["limit_exceeded"],
      handle: ({ principal, params: { webhook_id }, body: { tenant_id, ...declared } }) =>
        runAsWebhookManager(deps, principal, async () => {
          const ref = { tenant_id, webhook_id };
          const made = await declareWebhook(deps.db, ref, declared, { actor_id: principal.actor_id, atMs: deps.now() });
          if (made === undefined)
            return buildProblem("limit_exceeded", `A tenant has at most ${WEBHOOKS_MAX_COUNT} webhooks; declare one of them anew.`);
          await deps.flows.deliverWebhook(tenant_id, webhook_id);
          return answerOk({ ...toWebhookView(made.webhook), ...(made.hasNewSecret ? { secret: made.webhook.secret } : {}) });
        }),
    }),
    defineGuardedRoute({
      method: "GET",
      url: "/v1/webhooks",
      access: "member",
      tenant: "query",
      group: "webhooks",
      summary: "The tenant's webhooks, without their secrets",
      input: { query: tenantQuery },
      answers: { 200: { text: "Webhooks in the order of their ids", schema: z.array(webhookShape) } },
      problems: [],
      handle: ({ principal }) =>
        runAsWebhookManager(deps, principal, async () => answerOk((await listWebhooks(deps.db, principal.tenant_id)).map(toWebhookView))),
    }),
    defineGuardedRoute({
      method: "POST",
      url: "/v1/webhooks/:webhook_id/disable",
      access: "member",
      tenant: "body",
      group: "webhooks",
      summary: "Stop a webhook",
      detail: "What it has not brought yet stays in the ledger; declaring it again goes on there.",
      input: { params, body: tenantBody },
      example: { tenant_id: "T.UBL" },
      answers: { 200: { text: "It is stopped", schema: z.object({ disabled: z.literal(true) }) } },
      problems: [],
      handle: ({ principal: { tenant_id }, principal, params: { webhook_id } }) =>
        runAsWebhookManager(deps, principal, async () =>
          (await disableWebhook(deps.db, { tenant_id, webhook_id }, deps.now()))
            ? answerOk({ disabled: true })
            : refuseNotFound("This webhook"),
        ),
    }),
    defineGuardedRoute({
      method: "GET",
      url: "/v1/webhooks/:webhook_id/dead-letters",
      access: "member",
      tenant: "query",
      group: "webhooks",
      summary: "Events that the receiver did not take after the last retry",
      input: { params, query: tenantQuery },
      answers: { 200: { text: "The oldest first", schema: z.array(deadLetterShape) } },
      problems: [],
      handle: ({ principal: { tenant_id }, principal, params: { webhook_id } }) =>
        runOnWebhook(deps, principal, webhook_id, async () => {
          const letters = await listDeadLetters(deps.db, { tenant_id, webhook_id }, PAGE_ROWS_MAX);
          return answerOk(letters.map(({ seq, reason, replay, at_ms }) => ({ seq, reason, replay, at_ms })));
        }),
    }),
    defineGuardedRoute({
      method: "POST",
      url: "/v1/webhooks/:webhook_id/replay",
      access: "member",
      tenant: "body",
      group: "webhooks",
      summary: "Try dead letters again",
      detail: "Those that `seqs` names, or all of them; each gets its retries anew, before the events that wait.",
      input: { params, body: tenantBody.extend({ seqs: z.array(z.int().positive()).min(1).max(PAGE_ROWS_MAX).optional() }) },
      example: { tenant_id: "T.UBL" },
      answers: { 200: { text: "How many are tried again", schema: z.object({ replayed: z.number() }) } },
      problems: [],
      handle: ({ principal: { tenant_id }, principal, params: { webhook_id }, body: { seqs } }) =>
        runOnWebhook(deps, principal, webhook_id, async ({ disabled_at }) => {
          const replayed = await replayDeadLetters(deps.db, { tenant_id, webhook_id }, seqs);
          if (disabled_at === null) await deps.flows.deliverWebhook(tenant_id, webhook_id);
          return answerOk({ replayed });
        }),
    }),
  ];
}

async function runAsWebhookManager(deps: ApiDependencies, { tenant_id, offices }: Principal, work: () => Promise<Answer>): Promise<Answer> {
  const managingOffices = await deps.policies.listOfficesAllowedTo(tenant_id, MANAGING_ACTION);
  if (offices.some(({ office_id }) => managingOffices.has(office_id))) return work();
  return buildProblem("forbidden", `Webhooks are kept through an office that holds \`${MANAGING_ACTION}\`.`);
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
