import { jsonArrayFrom } from "kysely/helpers/postgres";
import { omitPatchBytes } from "../../domain/act/job.js";
import { toActWorkflowId, toCardWorkflowId } from "../../domain/act/workflow-id.js";
import { buildDenial } from "../../domain/denial.js";
import { checkBinding, checkSubject } from "../../domain/permit/binding.js";
import type { CommandEnvelope } from "../../domain/permit/envelope.js";
import { buildJobIdTaken } from "../../lab256/acts/card-closed.js";
import type { Db } from "../../lab256/database/database.js";
import type { Principal } from "../../lab256/identity/authentication.js";
import type { ApiDependencies } from "../dependencies.js";
import { buildDenialProblem, buildProblem, type ProblemAnswer } from "../http/problem.js";
import { type Answer, answerOk } from "../http/route.js";
import { parseInlinePatch, stagePatch } from "../staging/staged-patch.js";

/**
 * Issues a command: checks the envelope by itself, reads the ledger once, stages an inline patch, and starts the act's flow or advances its
 * card's. The Runner repeats every check. Source: contracts "Permit, command, claim, receipt".
 */
export async function issueCommand(deps: ApiDependencies, principal: Principal, envelope: CommandEnvelope): Promise<Answer> {
  const { tenant_id, jti, jobId, permit } = envelope;
  for (const checked of [checkBinding(envelope, deps.jwks, envelope.target), checkSubject(envelope)])
    if (!checked.ok) return buildDenialProblem(checked.denial);
  if (permit.scopes.actor_id !== principal.actor_id)
    return buildProblem("forbidden", `The permit belongs to ${permit.scopes.actor_id}; no other actor can issue its command.`);
  const inline = parseInlinePatch(envelope);
  if (inline.denial !== null) return buildDenialProblem(inline.denial);
  const known = await readKnownCommand(deps.db, { tenant_id, jti, job_id: jobId });
  if (known.sameAct !== undefined) return refusePermitUsed(deps, tenant_id, jti, known.sameAct.job_id);
  if (deps.now() >= permit.exp || known.permitStatus === "expired") return refusePermitExpired(permit.exp);
  if (known.permitStatus === "revoked" || known.permitStatus === "refused")
    return buildDenialProblem(buildDenial("permit_revoked", `The permit was ended: ${known.endReason ?? "it was revoked."}`));
  const owner = known.jobOwners.find(({ jti: act, card_id }) => act !== null || card_id !== (permit.scopes.approval_ref ?? null));
  if (owner !== undefined) return buildDenialProblem(buildJobIdTaken(jobId, owner));
  await stagePatch(deps.store, tenant_id, inline.patch);
  const command = omitPatchBytes(envelope);
  const { approval_ref } = permit.scopes;
  return approval_ref === undefined ? startAct(deps, command, principal) : advanceCard(deps, command, approval_ref, principal);
}

async function startAct(deps: ApiDependencies, command: CommandEnvelope, principal: Principal): Promise<Answer> {
  const { tenant_id, jti } = command;
  if (await deps.flows.startCommand(command, principal.actor_id)) return answerIssued(deps, command, toActWorkflowId(tenant_id, jti));
  const first = await deps.flows.findStartedAct(tenant_id, jti);
  return refusePermitUsed(deps, tenant_id, jti, first?.jobId ?? null);
}

async function advanceCard(deps: ApiDependencies, command: CommandEnvelope, cardId: string, principal: Principal): Promise<Answer> {
  const { tenant_id, jti, jobId } = command;
  const answer = await deps.flows.sendCommand(command, cardId, principal.actor_id);
  const refusal = answer.ok ? answer.value.denial : answer.denial;
  if (refusal === null) return answerIssued(deps, command, toCardWorkflowId(tenant_id, cardId));
  // A card that accepts no more commands may just have accepted this one.
  const { sameAct } = await readKnownCommand(deps.db, { tenant_id, jti, job_id: jobId });
  if (sameAct !== undefined) return refusePermitUsed(deps, tenant_id, jti, sameAct.job_id);
  return buildDenialProblem(refusal, answer.ok ? { members: { state: answer.value.state } } : {});
}

function answerIssued(deps: ApiDependencies, { tenant_id, jti, jobId }: CommandEnvelope, workflowId: string): Answer {
  return answerOk({ ok: true, jobId, workflow_id: workflowId, status_url: deps.urls.buildStatusUrl(tenant_id, jti) });
}

function refusePermitUsed(deps: ApiDependencies, tenantId: string, jti: string, jobId: string | null): ProblemAnswer {
  return buildProblem("permit_used", "The permit has been used; nothing else happened.", {
    next: "Read the state of the first command at `status_url`.",
    members: { jobId, status_url: deps.urls.buildStatusUrl(tenantId, jti) },
  });
}

/** The contract sets `status` of this problem to "expired"; the HTTP status is 403. */
function refusePermitExpired(exp: number): ProblemAnswer {
  return buildProblem("permit_expired", `The permit expired at ${exp} (milliseconds since 1970).`, {
    next: "Ask for a new permit.",
    members: { status: "expired" },
  });
}

/**
 * Reads the ledger's facts about a command before it is issued: uses of its `jti` and `jobId`, also by open cards, and the status of its permit. Uses one
 * query, because every command pays for it.
 */
async function readKnownCommand(db: Db, query: { tenant_id: string; jti: string; job_id: string }) {
  const { tenant_id, jti, job_id } = query;
  const { taken, cards, permits } = await db
    .selectNoFrom((eb) => [
      jsonArrayFrom(
        eb
          .selectFrom("cards")
          .select("cards.card_id")
          .where("cards.tenant_id", "=", tenant_id)
          .where("cards.job_id", "=", job_id)
          .where("cards.closed_at", "is", null),
      ).as("cards"),
      jsonArrayFrom(
        eb
          .selectFrom("commands")
          .select(["commands.jti", "commands.job_id", "commands.card_id"])
          .where("commands.tenant_id", "=", tenant_id)
          .where((or) => or.or([or("commands.jti", "=", jti), or("commands.job_id", "=", job_id)])),
      ).as("taken"),
      jsonArrayFrom(
        eb
          .selectFrom("permits")
          .select(["permits.status", "permits.end_reason"])
          .where("permits.tenant_id", "=", tenant_id)
          .where("permits.jti", "=", jti),
      ).as("permits"),
    ])
    .executeTakeFirstOrThrow();
  const [permit] = permits;
  return {
    sameAct: taken.find((command) => command.jti === jti),
    jobOwners: [...taken.filter((command) => command.job_id === job_id), ...cards.map(({ card_id }) => ({ jti: null, card_id }))],
    permitStatus: permit?.status,
    endReason: permit?.end_reason ?? null,
  };
}
