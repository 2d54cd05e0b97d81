import type { DecisionEvidence } from "../../domain/act/act-record.js";
import type { Plan } from "../../domain/act/plan.js";
import { hashCanonical } from "../../domain/bytes/canonical.js";
import { type ActAuthority, authoritySchema } from "../../domain/card/authority.js";
import { hashCard } from "../../domain/card/card.js";
import type { SignedStatement } from "../../domain/card/statement.js";
import { grantValue, type Outcome } from "../../domain/denial.js";
import { ZERO_ID } from "../../domain/git/git-id.js";
import { toBranchRef } from "../../domain/git/ref-name.js";
import { type CommandEnvelope, hashEnvelope } from "../../domain/permit/envelope.js";
import { parseWith } from "../../domain/problems.js";
import { readRefs } from "../../repository/refs/refs-state.js";
import { readClaim } from "../../storage/claims.js";
import type { ObjectStore } from "../../storage/ports.js";
import type { ActLog } from "./act-log.js";
import { type ActAuthor, resolveAuthor } from "./answer.js";
import { type Command, checkCommand } from "./check-command.js";
import { type ClaimRequest, type HeldClaim, mayCarryOn, takeOverClaim, winClaim } from "./claim-holding.js";
import type { Execution, RunnerDependencies } from "./dependencies.js";

export interface ClaimedCommand {
  readonly held: HeldClaim;
  readonly isTakenOver: boolean;
  /** The approvals that the first attempt counted. */
  readonly statements: readonly SignedStatement[];
  readonly author: Promise<ActAuthor>;
}

/**
 * Runs every check in the contract's order, then claims the permit. A retry that finds its own claim, or one that another
 * execution abandoned, takes it over at once; {@link checkClaimedAct} repeats the checks if the act has not happened.
 */
export async function checkAndClaim(
  deps: RunnerDependencies,
  store: ObjectStore,
  { workflow_id, run_id, activity_id, attempt }: Execution,
  command: Command,
  log: ActLog,
): Promise<Outcome<ClaimedCommand>> {
  const { envelope } = command;
  const { tenant_id, jti, permit } = envelope;
  const envelope_digest = hashEnvelope(envelope);
  const execution = { workflow_id, run_id, activity_id, attempt };
  const request: ClaimRequest = { ...execution, tenant_id, jti, envelope_digest, max_run_ms: permit.max_run_ms };
  const found = attempt > 1 ? await readClaim(store, tenant_id, jti) : undefined;
  if (found !== undefined && (await mayCarryOn(deps, found, request))) {
    log.writeLine(`took over the claim of attempt ${found.claim.attempt} of ${found.claim.workflow_id}`);
    // First, so that an execution without the act's approvals takes nothing over.
    const evidence = findClaimedEvidence(found, command);
    const held = await takeOverClaim(deps, store, request, found);
    log.recordDecision(envelope, evidence);
    return grantValue({ held, isTakenOver: true, statements: evidence.statements, author: resolveAuthor(deps, envelope) });
  }
  const checked = await checkCommand(deps, store, command, { checksExpiry: true });
  if (!checked.ok) return checked;
  const { infra_revision, evidence, marks, author } = checked.value;
  const pinned_target = await findOpenTarget(store, envelope, evidence.plan);
  const won = await winClaim(deps, store, request, author.versions, {
    ...(infra_revision === null ? {} : { infra_revision }),
    ...(pinned_target === undefined ? {} : { pinned_target }),
    ...marks,
    statement_digests: evidence.statements.map((signed) => hashCanonical(signed)),
  });
  if (!won.ok) return won;
  const { held, isTakenOver } = won.value;
  log.writeLine(isTakenOver ? "took over the claim of an attempt that won it first" : "won the claim");
  log.recordDecision(envelope, evidence);
  const { statements } = isTakenOver ? findClaimedEvidence(held, command) : evidence;
  return grantValue({ held, isTakenOver, statements, author: Promise.resolve(author) });
}

/**
 * Finds the target of a merge whose params leave it open: where the approved plan saw it, or without a plan, where it is now. Undefined for
 * any other act.
 */
async function findOpenTarget(store: ObjectStore, { tenant_id, ...job }: CommandEnvelope, plan: Plan | null): Promise<string | undefined> {
  if (job.jobType !== "git.registry.merge_protected" || job.params.expected_target !== undefined) return undefined;
  const { project_id, target } = job.params;
  const planned = plan?.basis.refs.find(({ name }) => name === toBranchRef(target));
  if (planned !== undefined) return planned.old;
  const state = await readRefs(store, { tenant_id, project_id });
  return state?.refs.get(toBranchRef(target))?.id ?? ZERO_ID;
}

/** Finds what the first attempt counted, so that every attempt makes the same commit and the same evidence. */
function findClaimedEvidence({ claim }: Pick<HeldClaim, "claim">, { authority }: Command): DecisionEvidence {
  const parsed = authority === null ? undefined : parseWith(authoritySchema, authority);
  const given: ActAuthority | undefined = parsed?.ok ? parsed.value : undefined;
  const byDigest = new Map(given?.statements.map((signed) => [hashCanonical(signed), signed]));
  const statements = claim.statement_digests.map((digest) => {
    const signed = byDigest.get(digest);
    if (signed !== undefined) return signed;
    throw new Error(`The command came without the statement ${digest}, which its claim names; send it with its card and approvals.`);
  });
  // Of the members that the digests do not cover, the record keeps only a card that the approvals name.
  const isNamed = given !== undefined && statements.every(({ statement }) => statement.card_digest === hashCard(given.card));
  return { card: isNamed && statements.length > 0 ? given.card : null, plan: null, statements, attestations: [] };
}
