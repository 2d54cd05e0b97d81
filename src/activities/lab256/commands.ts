import { cardActId } from "../../domain/act-id.js";
import { denied, granted, type Outcome } from "../../domain/denial.js";
import { bindingMismatch, type CommandEnvelope, envelopeDigest, envelopeSchema, withoutPatchBytes } from "../../domain/envelope.js";
import type { NewEvent } from "../../domain/event.js";
import { type JobParams, subjectHash, withoutPatch } from "../../domain/job.js";
import { parseWith, problemsText } from "../../domain/problems.js";
import { signed, verifySigned } from "../../domain/signature.js";
import { findTenant } from "../../identity/tenants.js";
import type { AppendOutcome } from "../../ledger/append.js";
import { endPermit, readClaim } from "../../permits/end-permit.js";
import { unsignedPermit } from "../../permits/permits.js";
import type { Lab256Dependencies } from "./dependencies.js";
import { record } from "./ledger.js";
import type { AcceptCommandInput, AcceptedCommand, IssuePermitInput, Lab256Activities } from "./types.js";

export function commandActivities(
  deps: Lab256Dependencies,
): Pick<Lab256Activities, "issuePermit" | "acceptCommand" | "permitClaim" | "endPermit" | "closeCommand"> {
  return {
    issuePermit: (input) => issuePermit(deps, input),
    acceptCommand: (input) => acceptCommand(deps, input),
    permitClaim: async ({ tenant_id, jti }) => {
      const claim = await readClaim(deps.store, tenant_id, jti);
      return claim === undefined ? "free" : claim.kind === "act" ? "acted" : "ended";
    },
    endPermit: (ending) => endPermit(deps, { ...ending, by: "LAB_256" }),
    async closeCommand({ envelope, end }) {
      if (end.denial === null) throw new TypeError("A command without a receipt ends with a denial.");
      const payload = { jti: envelope.jti, jobId: envelope.jobId, status: end.status, denial: end.denial };
      await record(deps, envelope.tenant_id, [{ type: "command.closed", key: `command.closed/${envelope.jti}`, payload }]);
    },
  };
}

/** The permit's `jti` and `exp` follow from card, plan and approval alone, so that asking again signs the same permit. */
async function issuePermit(deps: Lab256Dependencies, input: IssuePermitInput): ReturnType<Lab256Activities["issuePermit"]> {
  const { card, planned, decided, approved_at } = input;
  const params = card.params as JobParams;
  const unsigned = unsignedPermit({
    jti: cardActId(card.tenant_id, card.card_id, planned.plan_digest),
    iat: approved_at,
    asker: card.author,
    request: { ...card, params },
    decision: decided,
    policy_hash: planned.plan.basis.policy_hash,
    card: { card_id: card.card_id, plan_digest: planned.plan_digest },
  });
  const permit = signed("permit", unsigned, deps.permitKey);
  const envelope = {
    jti: permit.jti,
    tenant_id: card.tenant_id,
    jobId: card.jobId,
    jobType: card.jobType,
    params: withoutPatch(params),
    subject_hash: permit.scopes.subject_hash,
    policy_hash: permit.scopes.policy_hash,
    permit,
    target: card.target,
    office_id: card.office_id,
  } as CommandEnvelope;
  const { card_id, author, intent } = card;
  const tenant = await findTenant(deps.db, card.tenant_id);
  if (tenant === undefined) return denied("tenant_unknown", `${card.tenant_id} is not known.`);
  const events: NewEvent[] = [
    { type: "permit.issued", key: `permit.issued/${permit.jti}`, payload: { permit, card_id, actor_id: author.actor_id, intent } },
  ];
  if (card.run === "on_approval") events.push(commandIssued({ envelope, actor_id: author.actor_id, workflow_id: input.workflow_id }));
  const taken = conflictOf(await record(deps, card.tenant_id, events));
  return taken ?? granted({ envelope, transport: tenant.transport });
}

/** Records the command, once for its `jti` and its `jobId`. */
async function acceptCommand(deps: Lab256Dependencies, input: AcceptCommandInput): Promise<Outcome<AcceptedCommand>> {
  const parsed = parseWith(envelopeSchema, input.envelope);
  if (!parsed.ok) return denied("envelope_invalid", `The envelope is malformed: ${problemsText(parsed.problems)}`);
  const envelope = withoutPatchBytes(parsed.value);
  if (verifySigned("permit", envelope.permit, { keys: [deps.permitKey.jwk] }) !== "valid")
    return denied("permit_signature_invalid", "The permit is not signed by this registry.");
  const differs = bindingMismatch(envelope);
  if (differs !== undefined) return denied("permit_mismatch", `Envelope and permit differ in \`${differs}\`.`);
  if (subjectHash(envelope.params) !== envelope.subject_hash)
    return denied("subject_hash_mismatch", "The params are not those of the permit.");
  if (envelope.permit.scopes.actor_id !== input.actor_id)
    return denied("permit_mismatch", `The permit is ${envelope.permit.scopes.actor_id}'s own.`);
  const tenant = await findTenant(deps.db, envelope.tenant_id);
  if (tenant === undefined) return denied("tenant_unknown", `${envelope.tenant_id} is not known.`);
  const taken = conflictOf(await record(deps, envelope.tenant_id, [commandIssued({ ...input, envelope })]));
  return taken ?? granted({ transport: tenant.transport });
}

function commandIssued({ envelope, actor_id, workflow_id }: AcceptCommandInput): NewEvent {
  return {
    type: "command.issued",
    key: `command.issued/${envelope.jti}`,
    payload: {
      envelope,
      envelope_digest: envelopeDigest(envelope),
      project_id: envelope.params.project_id,
      actor_id,
      workflow_id,
      card_id: envelope.permit.scopes.approval_ref ?? null,
    },
  };
}

function conflictOf(outcome: AppendOutcome): { ok: false; denial: { code: "job_id_taken" | "permit_used"; message: string } } | undefined {
  if (outcome.ok) return undefined;
  const { column, jti, job_id } = outcome.conflict;
  if (column === "jti") return { ok: false, denial: { code: "permit_used", message: `The permit has been used by job ${job_id}.` } };
  return { ok: false, denial: { code: "job_id_taken", message: `jobId ${job_id} is taken by the act ${jti}; choose another.` } };
}
