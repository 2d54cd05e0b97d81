import { z } from "zod";
import { toActWorkflowId } from "../../domain/act/workflow-id.js";
import { toCanonicalText } from "../../domain/bytes/canonical.js";
import { FLOW_STATUSES, isFinalStatus } from "../../domain/card/flow-status.js";
import { jobIdSchema, jtiSchema } from "../../domain/ids.js";
import { envelopeSchema } from "../../domain/permit/envelope.js";
import { receiptSchema, refusalSchema } from "../../domain/permit/receipt.js";
import type { LedgerNotice } from "../../lab256/ledger/notice.js";
import { type CommandItem, type CommandSummary, findCommandByJti, listLatestCommands } from "../../lab256/ledger/queries/commands.js";
import { findPermitByJti } from "../../lab256/ledger/queries/permits.js";
import { findReceiptByJti, listRefusalsByJti } from "../../lab256/ledger/queries/receipts.js";
import type { StartedFlow } from "../acts/flows.js";
import { issueCommand } from "../acts/issue-command.js";
import type { ApiDependencies } from "../dependencies.js";
import { ENVELOPE_EXAMPLE } from "../http/examples.js";
import { refuseNotFound } from "../http/problem.js";
import { actsQuery, answerPage, jtiParams, tenantQuery, waitSchema } from "../http/queries.js";
import { type Answer, answerOk, defineMemberRoute, groupRoutes, type Route } from "../http/route.js";
import { COMMAND_MAX_BYTES } from "./permits.js";

const issuedSchema = z.object({ ok: z.literal(true), jobId: jobIdSchema, workflow_id: z.string(), status_url: z.string() });

const commandItemSchema = z.object({
  jti: jtiSchema,
  jobId: jobIdSchema.nullable(),
  jobType: z.string().nullable(),
  project_id: z.string().nullable(),
  card_id: z.string().nullable(),
  actor_id: z.string().nullable(),
  status: z.enum(FLOW_STATUSES),
  workflow_id: z.string(),
  temporal_url: z.string().nullable(),
  denial: z.object({ code: z.string(), message: z.string() }).nullable(),
  issued_at: z.number().nullable(),
  finished_at: z.number().nullable(),
});

const commandSchema = commandItemSchema.extend({
  receipt: receiptSchema.optional(),
  refusals: z.array(refusalSchema).optional(),
});

const waitQuery = tenantQuery.extend({ wait_ms: waitSchema });

/** Commands and their receipts. Source: ADR-002 §10. */
export function buildCommandRoutes(deps: ApiDependencies): readonly Route[] {
  return groupRoutes("commands", [
    defineMemberRoute("POST", "/v1/commands/issue", {
      tenant: "body",
      act: "command",
      summary: "Issue a command with its permit",
      detail:
        'Only the permit\'s own actor may issue it. A patch of up to 1 MiB may be in `params` in base64; a larger one is staged before. A `jti` that was used before is 409 with the `jobId` and `status_url` of the first command; an expired permit is 403 with `status: "expired"`.',
      input: { body: envelopeSchema },
      example: ENVELOPE_EXAMPLE,
      bodyMaxBytes: COMMAND_MAX_BYTES,
      answers: { 200: { text: "The act has started", schema: issuedSchema } },
      problems: [
        "permit_key_unknown",
        "permit_signature_invalid",
        "permit_mismatch",
        "wrong_target",
        "subject_hash_mismatch",
        "permit_expired",
        "permit_revoked",
        "permit_used",
        "job_id_taken",
        "closed",
      ],
      async handle({ principal, body, correlate }) {
        correlate(body.permit.scopes.approval_ref ?? body.jti);
        return issueCommand(deps, principal, body);
      },
    }),
    defineMemberRoute("GET", "/v1/commands", {
      tenant: "query",
      summary: "List the tenant's commands, the latest issued first",
      detail: 'A `Link` header with rel="next" leads to the next page.',
      input: { query: actsQuery },
      answers: { 200: { text: "The commands, without receipts and refusals", schema: z.array(commandItemSchema) } },
      async handle(call) {
        const { items, next } = await listLatestCommands(deps.db, call.query);
        const views = items.map((row) => toCommandItemView(deps, row));
        return answerPage(call, views, next);
      },
    }),
    defineMemberRoute("GET", "/v1/commands/:jti", {
      tenant: "query",
      summary: "Read the state of a command",
      detail: "With `wait_ms` it answers when the command is finished, at the latest after that time.",
      input: { params: jtiParams, query: waitQuery },
      answers: {
        200: { text: "The command, with its receipt, or with the Runner's refusals if it ended without one", schema: commandSchema },
      },
      async handle({ principal: { tenant_id }, params: { jti }, query: { wait_ms }, signal, correlate }) {
        correlate(jti);
        return answerCommandStatus(deps, { tenant_id, jti }, wait_ms, signal);
      },
    }),
    defineMemberRoute("GET", "/v1/receipts/:jti", {
      tenant: "query",
      summary: "Read a receipt as the Runner signed it",
      detail: "The answer is canonical JSON (RFC 8785), byte for byte as in the object store. Verify it with the Runner's public key.",
      input: { params: jtiParams, query: tenantQuery },
      answers: { 200: { text: "The receipt", schema: receiptSchema } },
      async handle({ principal: { tenant_id }, params: { jti }, correlate }) {
        correlate(jti);
        const receipt = await findReceiptByJti(deps.db, { tenant_id, jti });
        return receipt === undefined ? refuseNotFound("This receipt") : { kind: "text", status: 200, text: toCanonicalText(receipt) };
      },
    }),
  ]);
}

interface Act {
  readonly tenant_id: string;
  readonly jti: string;
}

/** Events that finish a command and wake its waiters. */
const ENDINGS: ReadonlySet<string> = new Set(["receipt.recorded", "receipt.refused", "command.closed"]);

async function answerCommandStatus(deps: ApiDependencies, act: Act, waitMs: number, signal: AbortSignal): Promise<Answer> {
  let row = await findCommandByJti(deps.db, act);
  // The first step of a flow records its command and may not have run yet.
  if (row === undefined && (await findPermitByJti(deps.db, act)) === undefined) return refuseNotFound("This command");
  if (waitMs > 0 && (row === undefined || !isFinalStatus(row.status))) {
    const readFinishedCommand = async () => {
      row = await findCommandByJti(deps.db, act);
      return row !== undefined && isFinalStatus(row.status) ? row : undefined;
    };
    const isActEnd = (notice: LedgerNotice) =>
      notice.jti === act.jti && notice.tenant_id === act.tenant_id && notice.types.some((type) => ENDINGS.has(type));
    await deps.watch.readUntilFound(readFinishedCommand, isActEnd, waitMs, signal);
  }
  if (row !== undefined) return answerOk(await readCommandView(deps, act, row));
  // Asking Temporal is expensive, so this asks only about commands that the ledger does not know.
  const started = await deps.flows.findStartedAct(act.tenant_id, act.jti);
  return started === undefined ? refuseNotFound("This command") : answerOk(toUnrecordedCommandView(deps, act, started));
}

async function readCommandView(deps: ApiDependencies, act: Act, row: CommandItem) {
  const receipt = isFinalStatus(row.status) ? await findReceiptByJti(deps.db, act) : undefined;
  const refusals = isFinalStatus(row.status) && receipt === undefined ? await listRefusalsByJti(deps.db, act) : undefined;
  return {
    ...toCommandItemView(deps, row),
    ...(receipt === undefined ? {} : { receipt }),
    ...(refusals === undefined ? {} : { refusals }),
  };
}

/** Shows a command as lists have it: with the ADR's names for the job and the address of the flow's page. */
function toCommandItemView(deps: ApiDependencies, row: CommandSummary): z.infer<typeof commandItemSchema> {
  const { jti, job_id, job_type, project_id, card_id, actor_id, status, workflow_id, issued_at, finished_at } = row;
  return {
    jti,
    jobId: job_id,
    jobType: job_type,
    project_id,
    card_id,
    actor_id,
    status,
    workflow_id,
    temporal_url: deps.urls.buildTemporalUrl(workflow_id),
    denial: row.denial_code === null ? null : { code: row.denial_code, message: row.denial_message ?? "" },
    issued_at,
    finished_at,
  };
}

/** Shows a command whose flow has started but is not in the ledger: not yet, or never if the flow refused it. */
function toUnrecordedCommandView(deps: ApiDependencies, { tenant_id, jti }: Act, started: StartedFlow | undefined) {
  const workflow_id = toActWorkflowId(tenant_id, jti);
  const { jobId = null, end = null } = started ?? {};
  const unknown = { jobType: null, project_id: null, card_id: null, actor_id: null, issued_at: null, finished_at: null };
  return {
    jti,
    jobId,
    status: end?.status ?? "running",
    workflow_id,
    temporal_url: deps.urls.buildTemporalUrl(workflow_id),
    denial: end?.denial ?? null,
    ...unknown,
  };
}
