import { z } from "zod";
import { tenantIdSchema } from "../../domain/ids.js";
import { webhookIdSchema } from "../../domain/ledger/webhook.js";
import type { Principal } from "../../lab256/identity/authentication.js";
import { PAGE_ROWS_MAX } from "../../lab256/ledger/queries/page.js";
import {
  findWebhook,
  listDeadLetters,
  listWebhooks,
  renewSecret,
  replayDeadLetters,
  type Webhook,
} from "../../lab256/webhooks/webhooks.js";
import { listOfficesAllowedTo } from "../acts/policy-offices.js";
import type { ApiDependencies } from "../dependencies.js";
import { buildProblem, refuseNotFound } from "../http/problem.js";
import { tenantQuery } from "../http/queries.js";
import { type Answer, answerOk, defineMemberRoute, groupRoutes, type Route } from "../http/route.js";

/** Whoever can propose another receiver sees the secrets and the failures of the present ones. */
const MANAGING_ACTION = "registry.webhooks.change";

const webhookShape = z.object({
  webhook_id: webhookIdSchema,
  url: z.string(),
  types: z.array(z.string()).nullable(),
  retries_ms: z.array(z.number()),
  /** Every entry up to this one was delivered, was filtered out, or is a dead letter. */
  delivered_seq: z.number(),
  created_at: z.number(),
  disabled_at: z.number().nullable(),
});
const deadLetterShape = z.object({ seq: z.number(), reason: z.string(), replay: z.boolean(), at_ms: z.number() });

const params = z.strictObject({ webhook_id: webhookIdSchema });
const tenantBody = z.strictObject({ tenant_id: tenantIdSchema });

/**
 * Webhooks that receive the events of a ledger; the charter says which there are. Source: CloudEvents 1.0.2, Standard Webhooks 1.0.
 */
export function buildWebhookRoutes(deps: ApiDependencies): readonly Route[] {
  return groupRoutes("webhooks", [
    defineMemberRoute("GET", "/v1/webhooks", {
      tenant: "query",
      summary: "List the tenant's webhooks, without their secrets",
      detail: "The tenant's charter says which there are; a card for `registry.webhooks.change` changes them.",
      input: { query: tenantQuery },
      answers: { 200: { text: "The webhooks, ordered by id", schema: z.array(webhookShape) } },
      handle: ({ principal }) =>
        runAsWebhookManager(deps, principal, async () => answerOk((await listWebhooks(deps.db, principal.tenant_id)).map(toWebhookView))),
    }),
    defineMemberRoute("POST", "/v1/webhooks/:webhook_id/secret", {
      tenant: "body",
      summary: "Give a webhook a new secret",
      detail: "The answer shows it once. Every delivery from then on is signed with it.",
      input: { params, body: tenantBody },
      example: { tenant_id: "T.UBL" },
      answers: { 200: { text: "The secret, `whsec_…`", schema: z.object({ secret: z.string() }) } },
      handle: ({ principal: { tenant_id }, principal, params: { webhook_id } }) =>
        runOnWebhook(deps, principal, webhook_id, async () =>
          answerOk({ secret: await renewSecret(deps.db, { tenant_id, webhook_id }, principal.actor_id, deps.now()) }),
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
          if (disabled_at === null) await deps.flows.deliverWebhook({ tenant_id, webhook_id });
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

function toWebhookView({ webhook_id, url, types, retries_ms, delivered_seq, created_at, disabled_at }: Webhook) {
  return { webhook_id, url, types, retries_ms, delivered_seq, created_at, disabled_at };
}
