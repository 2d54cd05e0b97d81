import { hashSubject, type JobType, type MergeProtectedParams } from "../../domain/act/job.js";
import {
  findPactArtifact,
  type Pact,
  type PactEnvelope,
  pactEnvelopeSchema,
  pactSchema,
  toPactBytes,
  toPactSubject,
} from "../../domain/act/pact.js";
import { hashBlake3Hex } from "../../domain/bytes/hash.js";
import { type Jwks, verifyDsse, verifySignedObject } from "../../domain/bytes/signature.js";
import { computeStatementChallenge } from "../../domain/card/statement.js";
import { ZERO_ID } from "../../domain/git/git-id.js";
import { parseJsonBytes } from "../../domain/json.js";
import { needsCard } from "../../domain/level.js";
import { toAudience } from "../../domain/permit/permit.js";
import type { Receipt } from "../../domain/permit/receipt.js";
import { formatProblems, parseWith } from "../../domain/problems.js";

/**
 * `unproved` lists the inner signatures whose keys are unknown, and an approval that is missing. The signatures of known keys are all
 * valid.
 */
export type PactVerdict =
  | { readonly valid: true; readonly pact: Pact; readonly unproved: readonly string[] }
  | { readonly valid: false; readonly why: string };

/**
 * Verifies a Pact by itself: its envelope by the Runner's key, its subject, its permit, and each approval with its step-up's challenge.
 * `keys` are those of the Runners, and of LAB 256 for the signatures inside.
 */
export function verifyPact(candidate: unknown, keys: Jwks): PactVerdict {
  const parsed = parseWith(pactEnvelopeSchema, candidate);
  if (!parsed.ok) return buildInvalidVerdict(`It is no DSSE envelope: ${formatProblems(parsed.problems)}`);
  const { payloadType, payload, signatures } = parsed.value;
  const body = Buffer.from(payload, "base64");
  const pact = parseWith(pactSchema, parseJsonBytes(body));
  if (!pact.ok) return buildInvalidVerdict(`Its payload is no Pact: ${formatProblems(pact.problems)}`);
  const { predicate, subject } = pact.value;
  const { keyid } = predicate.runner;
  const jwk = keys.keys.find(({ kid }) => kid === keyid);
  if (jwk === undefined) return buildInvalidVerdict(`Its key ${keyid} is not among those given.`);
  if (!signatures.some((one) => one.keyid === keyid && verifyDsse(payloadType, body, one.sig, jwk)))
    return buildInvalidVerdict("Its signature is not that of the Runner's key.");
  const about = toPactSubject(predicate);
  if (subject.some(({ name, digest }) => name !== about.name || digest.gitCommit !== about.digest.gitCommit))
    return buildInvalidVerdict("Its subject is not the merge that it describes.");
  return verifyPactContents(pact.value, keys);
}

/** Runs {@link verifyPact}, and verifies that this receipt names the Pact: its hash, act and commit. */
export function verifyReceiptPact(receipt: Receipt, candidate: unknown, keys: Jwks): PactVerdict {
  const verdict = verifyPact(candidate, keys);
  if (!verdict.valid) return verdict;
  const named = findPactArtifact(receipt);
  if (named === undefined) return buildInvalidVerdict("The receipt is not one of a merge: it names no Pact.");
  if (named.blake3 !== hashBlake3Hex(toPactBytes(candidate as PactEnvelope)))
    return buildInvalidVerdict("It is not the Pact that the receipt names.");
  const { jti, merge, decision } = verdict.pact.predicate;
  if (jti !== receipt.jti || !receipt.refs.some((move) => move.new === merge.commit))
    return buildInvalidVerdict("It is about another act than the receipt.");
  if (decision.break_glass?.reason !== receipt.break_glass?.reason)
    return buildInvalidVerdict("It and the receipt do not declare the same emergency.");
  if (decision.solo !== receipt.solo)
    return buildInvalidVerdict("It and the receipt do not say the same of who approved an act of their own.");
  return verdict;
}

/** Verifies the permit and the approvals, each by its signature and for this plan. */
function verifyPactContents(pact: Pact, keys: Jwks): PactVerdict {
  const { permit, decision, tenant_id } = pact.predicate;
  if (!isPermitOfMerge(pact.predicate)) return buildInvalidVerdict("Its permit is for another act than the one that it describes.");
  if (!isResultOfStrategy(pact.predicate.merge)) return buildInvalidVerdict("Its commit is not what the merge that it describes makes.");
  const unproved: string[] = [];
  const verdict = verifySignedObject("permit", permit, keys);
  if (verdict === "signature_invalid") return buildInvalidVerdict("The signature of its permit does not verify.");
  if (verdict === "key_unknown") unproved.push(`the permit (key ${permit.kid})`);
  // Anyone who gives the Runner a genuine permit outside the flow can omit the approvals.
  if (needsCard(decision.level) && decision.approvals.length === 0) unproved.push("that anybody approved it (it holds no approval)");
  for (const { statement, attestor, assertion } of decision.approvals) {
    const whose = `the approval of ${statement.approver}`;
    const isOfPlan =
      statement.decision === "approve" &&
      statement.tenant_id === tenant_id &&
      statement.card_id === decision.card_id &&
      statement.plan_digest === decision.plan_digest;
    if (!isOfPlan) return buildInvalidVerdict(`Of what it rests on, ${whose} is for another plan.`);
    const signature = verifySignedObject("statement", { ...statement, ...attestor }, keys);
    if (signature === "signature_invalid") return buildInvalidVerdict(`The signature of ${whose} does not verify.`);
    if (signature === "key_unknown") unproved.push(`${whose} (key ${attestor.kid})`);
    const challenge = Buffer.from(computeStatementChallenge(statement)).toString("base64url");
    if (assertion !== undefined && parseChallenge(assertion.response.clientDataJSON) !== challenge)
      return buildInvalidVerdict(`The step-up of ${whose} was made for another statement.`);
  }
  return { valid: true, pact, unproved };
}

/** Whether the permit is for this merge: its `subject_hash` binds both branches, their tips and the strategy. */
function isPermitOfMerge({ tenant_id, project_id, jti, merge, decision, permit, runner }: Pact["predicate"]): boolean {
  const { strategy, source, target } = merge;
  const open: MergeProtectedParams = {
    ...{ project_id, strategy, source: source.branch, target: target.branch },
    expected_source: source.commit,
  };
  // The permit names the target's tip, or leaves it to the plan.
  const subjects = [open, { ...open, expected_target: target.commit }].map(hashSubject);
  const { scopes, aud } = permit;
  return (
    permit.jti === jti &&
    aud === toAudience(runner.target) &&
    scopes.target === runner.target &&
    scopes.tenant_id === tenant_id &&
    scopes.jobType === ("git.registry.merge_protected" satisfies JobType) &&
    subjects.includes(scopes.subject_hash) &&
    scopes.level === decision.level &&
    scopes.policy_hash === decision.policy_hash &&
    scopes.actor_id === decision.proposed_by.actor_id &&
    scopes.office_id === decision.proposed_by.office_id &&
    (scopes.plan_digest ?? null) === decision.plan_digest &&
    (scopes.approval_ref ?? null) === decision.card_id
  );
}

/** Whether the strategy can produce the commit: the source's own, one with both parents, or one with the target alone. */
function isResultOfStrategy({ strategy, source, target, commit, parents }: Pact["predicate"]["merge"]): boolean {
  if (strategy === "fast-forward" || target.commit === ZERO_ID) return commit === source.commit;
  const wanted = strategy === "merge" ? [target.commit, source.commit] : [target.commit];
  return commit !== source.commit && parents.length === wanted.length && wanted.every((parent, at) => parents[at] === parent);
}

/** Returns the challenge that the authenticator signed. Source: WebAuthn Level 3 §5.8.1. */
function parseChallenge(clientDataJSON: string): unknown {
  const data = parseJsonBytes(Buffer.from(clientDataJSON, "base64url"));
  return typeof data === "object" && data !== null && "challenge" in data ? data.challenge : undefined;
}

function buildInvalidVerdict(why: string): PactVerdict {
  return { valid: false, why };
}
