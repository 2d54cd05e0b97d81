import { ApplicationFailure } from "@temporalio/activity";
import type { z } from "zod";
import { isCharterJob } from "../../domain/act/job.js";
import { hashBlake3Hex } from "../../domain/bytes/hash.js";
import { type Jwks, verifySignedObject } from "../../domain/bytes/signature.js";
import { buildDenial, type Denial, denyWith, grantValue, type Outcome } from "../../domain/denial.js";
import type { AcceptCommandInput, FlowEnd, RecordAnswerInput } from "../../domain/flow/lab256-steps.js";
import type { NewEvent } from "../../domain/ledger/event.js";
import { type CommandEnvelope, hashEnvelope } from "../../domain/permit/envelope.js";
import { type Receipt, type Refusal, type Report, type RunnerAnswer, receiptSchema, refusalSchema } from "../../domain/permit/receipt.js";
import { parseWith } from "../../domain/problems.js";
import { readClaim } from "../../storage/claims.js";
import { appendEvents } from "../ledger/append.js";
import { endPermit } from "../permits/end-permit.js";
import { recordCharter } from "./charters.js";
import { USED_BY_ANOTHER } from "./commands.js";
import type { Lab256Dependencies } from "./dependencies.js";
import { countClosedCommand, countReceipt } from "./flow-metrics.js";
import { appendChanges, recordInfraChanges } from "./outdated-plans.js";
import { toProjectEvents } from "./project-events.js";
import { readReceiptKeys, readSignedReceipt } from "./receipts.js";

const NOT_USED = buildDenial("answer_invalid", "The Runner reports that another command used the permit, but none did.");

/** Records an answer from Temporal's task queue. The queue delivers only one answer, so one that no Runner signed also ends the command. */
export async function recordAnswer(deps: Lab256Dependencies, input: RecordAnswerInput): Promise<FlowEnd> {
  const keys = await readEnvelopeKeys(deps, input);
  const end = await settleCommand(deps, input, keys, verifyAnswer(keys, input));
  if (end === null) throw ApplicationFailure.retryable("The act is claimed and has no receipt yet; checking again.", "receipt_awaited");
  return end;
}

/** Records an answer that arrived as a message. An unsigned answer changes nothing, because the genuine one can still follow. */
export async function acceptAnswer(
  deps: Lab256Dependencies,
  input: AcceptCommandInput & { readonly answer: RunnerAnswer },
): Promise<Outcome<FlowEnd | null>> {
  const keys = await readEnvelopeKeys(deps, input);
  const answer = verifyAnswer(keys, input);
  if (answer === undefined)
    return denyWith("answer_invalid", `The ${input.answer.kind} is not signed by a Runner of this registry for this command.`);
  return grantValue(await settleCommand(deps, input, keys, answer));
}

function readEnvelopeKeys(deps: Lab256Dependencies, { envelope }: AcceptCommandInput): Promise<Jwks> {
  return readReceiptKeys(deps, envelope.tenant_id, envelope.target);
}

/**
 * Records how a command ended. If the answer has no receipt, the object store decides whether the act happened; if it did not, its permit
 * is ended. Returns null while a Runner holds the claim for this envelope, because its receipt will be the answer.
 */
async function settleCommand(
  deps: Lab256Dependencies,
  input: RecordAnswerInput,
  keys: Jwks,
  answer: RunnerAnswer | undefined,
): Promise<FlowEnd | null> {
  const { envelope } = input;
  const receipt = answer?.kind === "receipt" ? answer.receipt : await readReceiptOfEnvelope(deps, keys, envelope);
  if (receipt !== undefined) return recordReceipt(deps, input, receipt);
  const refusal = answer?.kind === "refusal" ? answer.refusal : undefined;
  const why: Denial =
    refusal === undefined
      ? buildDenial("answer_invalid", "The answer from LAB_512 is not signed by a Runner of this registry for this command.")
      : buildDenial(refusal.code, refusal.error);
  const { tenant_id, jti, permit } = envelope;
  const card_id = permit.scopes.approval_ref ?? null;
  const ended = await endPermit(deps, { tenant_id, jti, card_id, end: "refused", reason: why.message, by: "LAB_256" });
  // The permit was unused. A Runner that claims otherwise must not keep the act out of telemetry.
  if (ended === "ended") return recordRefusal(deps, input, refusal, why.code === "permit_used" ? NOT_USED : why);
  if (await isClaimedByEnvelope(deps, envelope)) return null;
  return recordRefusal(deps, input, refusal, USED_BY_ANOTHER);
}

/** Returns whether the claim is for this envelope. If not, another envelope with the same permit has the act. */
async function isClaimedByEnvelope(deps: Lab256Dependencies, envelope: CommandEnvelope): Promise<boolean> {
  const claim = (await readClaim(deps.store, envelope.tenant_id, envelope.jti))?.claim;
  return claim?.envelope_digest === hashEnvelope(envelope);
}

/** Returns the answer if a Runner signed it for this envelope. */
function verifyAnswer(keys: Jwks, { answer, envelope }: RecordAnswerInput): RunnerAnswer | undefined {
  if (answer?.kind === "receipt") {
    const receipt = verifyReport("receipt", receiptSchema, keys, envelope, answer.receipt);
    return receipt === undefined ? undefined : { kind: "receipt", receipt };
  }
  if (answer?.kind !== "refusal") return undefined;
  const refusal = verifyReport("refusal", refusalSchema, keys, envelope, answer.refusal);
  return refusal === undefined ? undefined : { kind: "refusal", refusal };
}

function verifyReport<T extends Report>(
  kind: RunnerAnswer["kind"],
  schema: z.ZodType<T>,
  keys: Jwks,
  envelope: CommandEnvelope,
  candidate: unknown,
): T | undefined {
  const parsed = parseWith(schema, candidate);
  if (!parsed.ok || verifySignedObject(kind, parsed.value, keys) !== "valid") return undefined;
  return isReportOf(parsed.value, envelope) ? parsed.value : undefined;
}

function isReportOf({ tenant_id, jti, jobId, envelope_digest }: Report, envelope: CommandEnvelope): boolean {
  return tenant_id === envelope.tenant_id && jti === envelope.jti && jobId === envelope.jobId && envelope_digest === hashEnvelope(envelope);
}

async function readReceiptOfEnvelope(deps: Lab256Dependencies, keys: Jwks, envelope: CommandEnvelope): Promise<Receipt | undefined> {
  const receipt = await readSignedReceipt(deps, envelope, keys);
  return receipt !== undefined && isReportOf(receipt, envelope) ? receipt : undefined;
}

async function recordReceipt(deps: Lab256Dependencies, { envelope, actor_id }: AcceptCommandInput, receipt: Receipt): Promise<FlowEnd> {
  const card_id = envelope.permit.scopes.approval_ref ?? null;
  const recorded: NewEvent = { type: "receipt.recorded", key: `receipt.recorded/${receipt.jti}`, payload: { receipt, actor_id, card_id } };
  const events = receipt.status === "success" ? toProjectEvents(envelope, receipt, actor_id) : [];
  // Members and offices are those of the new charter once the act shows as done.
  if (receipt.status === "success" && isCharterJob(envelope)) await recordCharter(deps, envelope.tenant_id);
  const changes = await recordInfraChanges(deps, receipt);
  countReceipt(deps, await appendChanges(deps, envelope.tenant_id, [recorded, ...events], changes), envelope.permit, receipt);
  if (receipt.status === "success") return { status: "success", denial: null };
  return { status: receipt.status, denial: buildDenial(receipt.code ?? "answer_invalid", receipt.error) };
}

async function recordRefusal(
  deps: Lab256Dependencies,
  { envelope }: RecordAnswerInput,
  refusal: Refusal | undefined,
  why: Denial,
): Promise<FlowEnd> {
  const { jti, jobId, tenant_id, permit } = envelope;
  const status = why === USED_BY_ANOTHER ? "denied" : (refusal?.status ?? "denied");
  const card_id = permit.scopes.approval_ref ?? null;
  const refused: NewEvent[] =
    refusal === undefined
      ? []
      : [{ type: "receipt.refused", key: `receipt.refused/${hashBlake3Hex(Buffer.from(refusal.sig))}`, payload: { refusal, card_id } }];
  const closed: NewEvent = { type: "command.closed", key: `command.closed/${jti}`, payload: { jti, jobId, status, denial: why } };
  countClosedCommand(await appendEvents(deps.db, tenant_id, [...refused, closed], deps.now()), permit, { status, denial: why });
  return { status, denial: why };
}
