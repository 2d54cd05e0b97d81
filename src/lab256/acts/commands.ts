import { computeCardActId } from "../../domain/act/act-id.js";
import { omitPatchBytes } from "../../domain/act/job.js";
import { signObject } from "../../domain/bytes/signature.js";
import type { Card } from "../../domain/card/card.js";
import { buildDenial, denyWith, grantValue, type Outcome, wrapDenial } from "../../domain/denial.js";
import type { AcceptCommandInput, AcceptedCommand, FlowEnd, IssuePermitInput, Lab256Activities } from "../../domain/flow/lab256-steps.js";
import { type NewEvent, toApprovalsVoidedKey } from "../../domain/ledger/event.js";
import { checkBinding, checkSubject } from "../../domain/permit/binding.js";
import { type CommandEnvelope, envelopeSchema, hashEnvelope } from "../../domain/permit/envelope.js";
import type { Permit } from "../../domain/permit/permit.js";
import { formatProblems, parseWith } from "../../domain/problems.js";
import { readClaim, readPermitEnd } from "../../storage/claims.js";
import { findTenant } from "../identity/tenants.js";
import { appendEvents } from "../ledger/append.js";
import type { AppendOutcome } from "../ledger/append-batch.js";
import { findCard } from "../ledger/queries/cards.js";
import { findCommandByJti } from "../ledger/queries/commands.js";
import { findPermitByJti } from "../ledger/queries/permits.js";
import { endPermit } from "../permits/end-permit.js";
import { buildUnsignedPermit } from "../permits/permits.js";
import { denyConflict, toCardClosedKey } from "./card-closed.js";
import { decideCurrentPlan, toDecidedRound } from "./cards.js";
import type { Lab256Dependencies } from "./dependencies.js";
import { countClosedCommand } from "./flow-metrics.js";
import { verifyCard } from "./genuine-card.js";
import { checkRecordedPlan } from "./outdated-plans.js";
import { checkRecordedApproval } from "./recorded-approval.js";

/** Ends a command whose permit another command has used. That command has the act, the receipt and the telemetry line. */
export const USED_BY_ANOTHER = buildDenial("permit_used", "Another command has used the permit; read that command's receipt.");

/** Returns whether the permit is unclaimed, ended, or used for an act. */
export async function readClaimState(
  deps: Lab256Dependencies,
  { tenant_id, jti }: { readonly tenant_id: string; readonly jti: string },
): Promise<"free" | "ended" | "acted"> {
  // In this order: a claim that follows an end found here moves no ref.
  const end = await readPermitEnd(deps.store, tenant_id, jti);
  if ((await readClaim(deps.store, tenant_id, jti)) !== undefined) return "acted";
  return end === undefined ? "free" : "ended";
}

/** Records that a command ended without a receipt. Ends its permit first, because no Runner may act on the permit of a closed command. */
export async function closeCommand(
  deps: Lab256Dependencies,
  { envelope, end }: { readonly envelope: CommandEnvelope; readonly end: FlowEnd },
): Promise<void> {
  if (end.denial === null) throw new TypeError("A command without a receipt ends with a denial; this is a defect of the flow.");
  const { tenant_id, jti, jobId, permit } = envelope;
  const card_id = permit.scopes.approval_ref ?? null;
  const claim = await endPermit(deps, { tenant_id, jti, card_id, end: "refused", reason: end.denial.message, by: "LAB_256" });
  const why = claim === "ended" ? { status: end.status, denial: end.denial } : { status: "denied" as const, denial: USED_BY_ANOTHER };
  const closed: NewEvent = { type: "command.closed", key: `command.closed/${jti}`, payload: { jti, jobId, ...why } };
  countClosedCommand(await appendEvents(deps.db, tenant_id, [closed], deps.now()), permit, why);
}

/**
 * Signs an approved card's permit. Its `jti` and `exp` are derived from card, plan and approval alone, so a retry signs the same permit.
 */
export async function issuePermit(deps: Lab256Dependencies, input: IssuePermitInput): ReturnType<Lab256Activities["issuePermit"]> {
  const { planned } = input;
  const genuine = verifyCard(deps, input.card);
  if (!genuine.ok) return genuine;
  const card = genuine.value;
  const decision = await decideCurrentPlan(deps, card, planned);
  if (!decision.ok) return wrapDenial(decision.denial);
  const recorded = await findCard(deps.db, card);
  const round = recorded?.round ?? 0;
  // A permit that is already in the ledger is not affected by a later move.
  const stands = recorded === undefined || recorded.jti !== null ? grantValue(null) : await checkRecordedPlan(deps, recorded);
  if (!stands.ok) return stands;
  const approved = await checkRecordedApproval(deps, await toDecidedRound(deps, decision.value, round));
  if (!approved.ok) return approved;
  const { authority, completed_at_ms } = approved.value;
  const unsigned = buildUnsignedPermit({
    jti: computeCardActId(card.tenant_id, card.card_id, round, planned.plan_digest),
    iat: completed_at_ms ?? Math.min(input.approved_at, deps.now()),
    requester: card.author,
    request: card,
    decision: decision.value.decided,
    policy_hash: planned.plan.basis.policy_hash,
    versions: decision.value.rules.charter.versions,
    infra: planned.plan.basis.infra,
    card: { card_id: card.card_id, plan_digest: planned.plan_digest },
  });
  const tenant = await findTenant(deps.db, card.tenant_id);
  if (tenant === undefined) return denyWith("tenant_unknown", `${card.tenant_id} is not known.`);
  const known = { tenant_id: card.tenant_id, jti: unsigned.jti };
  // A permit that is already in the ledger is reused, so its `exp` never moves.
  const permit = (await findPermitByJti(deps.db, known))?.permit ?? signObject("permit", unsigned, deps.permitKey);
  const envelope = buildCardEnvelope(card, permit);
  const actor_id = card.author.actor_id;
  const issued = { permit, card_id: card.card_id, actor_id, intent: card.intent };
  const events: NewEvent[] = [{ type: "permit.issued", key: `permit.issued/${permit.jti}`, payload: issued }];
  if (card.run === "on_approval") events.push(buildCommandIssued({ envelope, actor_id, workflow_id: input.workflow_id }));
  const ends = [toCardClosedKey(card.card_id), toApprovalsVoidedKey(card.card_id, round)];
  const conflict = denyTaken(await appendEvents(deps.db, card.tenant_id, events, deps.now(), ends));
  return conflict ?? grantValue({ envelope, authority, transport: tenant.transport });
}

function buildCardEnvelope(card: Card, permit: Permit): CommandEnvelope {
  const { tenant_id, jobId, jobType, params, target, office_id } = card;
  const { subject_hash, policy_hash } = permit.scopes;
  return envelopeSchema.parse({ jti: permit.jti, tenant_id, jobId, jobType, params, subject_hash, policy_hash, permit, target, office_id });
}

/** Records the command, once per `jti` and per `jobId`. */
export async function acceptCommand(deps: Lab256Dependencies, input: AcceptCommandInput): Promise<Outcome<AcceptedCommand>> {
  const parsed = parseWith(envelopeSchema, input.envelope);
  if (!parsed.ok) return denyWith("envelope_invalid", `The envelope is malformed: ${formatProblems(parsed.problems)}`);
  const envelope = omitPatchBytes(parsed.value);
  for (const checked of [checkBinding(envelope, { keys: [deps.permitKey.jwk] }, envelope.target), checkSubject(envelope)])
    if (!checked.ok) return checked;
  if (envelope.permit.scopes.actor_id !== input.actor_id)
    return denyWith("permit_mismatch", `The permit belongs to ${envelope.permit.scopes.actor_id}; that actor must issue the command.`);
  const tenant = await findTenant(deps.db, envelope.tenant_id);
  if (tenant === undefined) return denyWith("tenant_unknown", `${envelope.tenant_id} is not known.`);
  const { approval_ref } = envelope.permit.scopes;
  const ends = [`permit.end/${envelope.jti}`, ...(approval_ref === undefined ? [] : [toCardClosedKey(approval_ref)])];
  const outcome = await appendEvents(deps.db, envelope.tenant_id, [buildCommandIssued({ ...input, envelope })], deps.now(), ends);
  const conflict = denyTaken(outcome) ?? (await denyOtherCommand(deps, envelope, outcome));
  return conflict ?? grantValue({ transport: tenant.transport });
}

/** Denies a second envelope with the same permit: a permit does not bind the `jobId`, so this envelope is another command. */
async function denyOtherCommand(
  deps: Lab256Dependencies,
  envelope: CommandEnvelope,
  outcome: AppendOutcome,
): Promise<Outcome<never> | undefined> {
  if (!outcome.ok || outcome.appended.every((event) => event.isNew)) return undefined;
  const recorded = await findCommandByJti(deps.db, envelope);
  if (recorded?.envelope_digest === hashEnvelope(envelope)) return undefined;
  return denyWith("permit_used", `The permit has been used by job ${recorded?.job_id ?? "of another command"}.`);
}

function buildCommandIssued({ envelope, actor_id, workflow_id }: AcceptCommandInput): NewEvent {
  return {
    type: "command.issued",
    key: `command.issued/${envelope.jti}`,
    payload: {
      envelope,
      envelope_digest: hashEnvelope(envelope),
      project_id: envelope.params.project_id,
      actor_id,
      workflow_id,
      card_id: envelope.permit.scopes.approval_ref ?? null,
    },
  };
}

function denyTaken(outcome: AppendOutcome): Outcome<never> | undefined {
  return outcome.ok ? undefined : denyConflict(outcome.conflict);
}
