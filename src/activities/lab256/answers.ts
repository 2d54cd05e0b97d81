import { ApplicationFailure } from "@temporalio/activity";
import { type Denial, denial, denied, granted } from "../../domain/denial.js";
import { type CommandEnvelope, envelopeDigest } from "../../domain/envelope.js";
import type { NewEvent } from "../../domain/event.js";
import { blake3Hex } from "../../domain/hash.js";
import { parseWith } from "../../domain/problems.js";
import { type Receipt, type Refusal, receiptSchema, refusalSchema } from "../../domain/receipt.js";
import { type Jwks, verifySigned } from "../../domain/signature.js";
import { receiptKey } from "../../domain/storage-key.js";
import { endPermit, readClaim } from "../../permits/end-permit.js";
import type { Lab256Dependencies } from "./dependencies.js";
import { record } from "./ledger.js";
import { projectEvents } from "./project-events.js";
import { receiptKeysOf } from "./receipt-keys.js";
import type { AcceptCommandInput, FlowEnd, Lab256Activities, RecordAnswerInput } from "./types.js";

export function answerActivities(deps: Lab256Dependencies): Pick<Lab256Activities, "recordAnswer" | "acceptReceipt"> {
  return {
    recordAnswer: (input) => recordAnswer(deps, input),
    async acceptReceipt(input) {
      const { tenant_id, target } = input.envelope;
      const receipt = genuine(await receiptKeysOf(deps, tenant_id, target), input.envelope, input.receipt);
      if (receipt === undefined)
        return denied("answer_invalid", "The receipt is not signed by a Runner of this registry for this command.");
      return granted(await recordReceipt(deps, input, receipt));
    },
  };
}

/**
 * Records the Runner's answer. The answer came through Temporal, so it counts only if a Runner signed it for this very envelope; where
 * it does not, or is a refusal, the object store says whether the act happened all the same.
 */
async function recordAnswer(deps: Lab256Dependencies, input: RecordAnswerInput): Promise<FlowEnd> {
  const receipt = receiptIn(deps, input) ?? (await storedReceipt(deps, input.envelope));
  if (receipt !== undefined) return recordReceipt(deps, input, receipt);
  const refusal = refusalIn(deps, input);
  const why: Denial =
    refusal === undefined
      ? denial("answer_invalid", "What came back from LAB_512 is not signed by a Runner of this registry for this command.")
      : denial(refusal.code, refusal.error);
  const { tenant_id, jti, permit } = input.envelope;
  const card_id = permit.scopes.approval_ref ?? null;
  const ended = await endPermit(deps, { tenant_id, jti, card_id, end: "refused", reason: why.message, by: "LAB_256" });
  // Somebody holds the claim for this act: its receipt will come, and it is the answer.
  if (ended === "acted" && (await isOurs(deps, input.envelope)))
    throw ApplicationFailure.retryable("The act is claimed and its receipt is not there yet; looking again.", "receipt_awaited");
  return recordRefusal(deps, input, refusal, why);
}

/** Whether the claim is for this very envelope; another one with the same permit got the act, and this one never will. */
async function isOurs(deps: Lab256Dependencies, envelope: CommandEnvelope): Promise<boolean> {
  const claim = await readClaim(deps.store, envelope.tenant_id, envelope.jti);
  return claim?.kind === "act" && claim.envelope_digest === envelopeDigest(envelope);
}

function receiptIn(deps: Lab256Dependencies, { answer, envelope }: RecordAnswerInput): Receipt | undefined {
  return answer?.kind === "receipt" ? genuine(deps.receiptKeys, envelope, answer.receipt) : undefined;
}

function genuine(keys: Jwks, envelope: CommandEnvelope, candidate: unknown): Receipt | undefined {
  const parsed = parseWith(receiptSchema, candidate);
  if (!parsed.ok || verifySigned("receipt", parsed.value, keys) !== "valid") return undefined;
  const { tenant_id, jti, jobId, envelope_digest } = parsed.value;
  const same =
    tenant_id === envelope.tenant_id && jti === envelope.jti && jobId === envelope.jobId && envelope_digest === envelopeDigest(envelope);
  return same ? parsed.value : undefined;
}

async function storedReceipt(deps: Lab256Dependencies, envelope: CommandEnvelope): Promise<Receipt | undefined> {
  const bytes = await deps.store.blobs.get(receiptKey(envelope.tenant_id, envelope.jti));
  return bytes === undefined ? undefined : genuine(deps.receiptKeys, envelope, JSON.parse(Buffer.from(bytes).toString("utf8")));
}

function refusalIn(deps: Lab256Dependencies, { answer, envelope }: RecordAnswerInput): Refusal | undefined {
  if (answer?.kind !== "refusal") return undefined;
  const parsed = parseWith(refusalSchema, answer.refusal);
  if (!parsed.ok || verifySigned("refusal", parsed.value, deps.receiptKeys) !== "valid") return undefined;
  return parsed.value.envelope_digest === envelopeDigest(envelope) ? parsed.value : undefined;
}

async function recordReceipt(deps: Lab256Dependencies, { envelope, actor_id }: AcceptCommandInput, receipt: Receipt): Promise<FlowEnd> {
  const card_id = envelope.permit.scopes.approval_ref ?? null;
  const recorded: NewEvent = { type: "receipt.recorded", key: `receipt.recorded/${receipt.jti}`, payload: { receipt, actor_id, card_id } };
  const events = receipt.status === "success" ? projectEvents(envelope, receipt, actor_id) : [];
  await record(deps, envelope.tenant_id, [recorded, ...events]);
  if (receipt.status === "success") return { status: "success", denial: null };
  return { status: receipt.status, denial: denial(receipt.code ?? "answer_invalid", receipt.error) };
}

async function recordRefusal(
  deps: Lab256Dependencies,
  { envelope }: RecordAnswerInput,
  refusal: Refusal | undefined,
  why: Denial,
): Promise<FlowEnd> {
  const { jti, jobId, tenant_id, permit } = envelope;
  const status = refusal?.status ?? "denied";
  const card_id = permit.scopes.approval_ref ?? null;
  const refused: NewEvent[] =
    refusal === undefined
      ? []
      : [{ type: "receipt.refused", key: `receipt.refused/${blake3Hex(Buffer.from(refusal.sig))}`, payload: { refusal, card_id } }];
  const closed: NewEvent = { type: "command.closed", key: `command.closed/${jti}`, payload: { jti, jobId, status, denial: why } };
  await record(deps, tenant_id, [...refused, closed]);
  return { status, denial: why };
}
