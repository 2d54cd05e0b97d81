import { randomUUID } from "node:crypto";
import { buildActInput, type RequestedAct, type Requester } from "../../decision/act-input.js";
import type { PolicyCatalog } from "../../decision/policy/policy-catalog.js";
import { hashInfra, type Infra } from "../../domain/act/infra-context.js";
import { hashSubject } from "../../domain/act/job.js";
import type { Plan } from "../../domain/act/plan.js";
import { type SigningKey, signObject } from "../../domain/bytes/signature.js";
import type { CharterVersions } from "../../domain/charter/versions.js";
import { buildDenial, type Denial, grantValue } from "../../domain/denial.js";
import { type Level, needsCard } from "../../domain/level.js";
import { type Permit, toAudience, type UnsignedPermit } from "../../domain/permit/permit.js";
import type { Decision, Reason, Requirement } from "../../domain/policy/policy-contract.js";
import type { InfraSource } from "../../infra/source/source.js";
import { appendEvents } from "../ledger/append.js";
import type { EndingDependencies } from "./end-permit.js";

export interface PermitDependencies extends EndingDependencies {
  readonly policies: PolicyCatalog;
  readonly infra: InfraSource;
  readonly permitKey: SigningKey;
}

/** An act on which the policy decides, with its plan if there is one. `project_exists` is null if the caller has not checked. */
export type JudgedRequest = RequestedAct & {
  readonly project_exists: boolean | null;
  readonly plan?: Pick<Plan, "fast_forward" | "changed_paths">;
};

/** An act that needs no card. Its `params` are parsed. */
export type DirectRequest = JudgedRequest & {
  readonly intent: string;
  /** The permit's id if it is derived; random by default. The ledger keeps the first permit of a `jti`. */
  readonly jti?: string;
};

export type DirectPermit =
  | {
      readonly allowed: true;
      readonly level: Level;
      readonly reasons: readonly Reason[];
      readonly permit: Permit;
      readonly subject_hash: string;
      readonly policy_hash: string;
    }
  | {
      readonly allowed: false;
      readonly level: Level | null;
      readonly reasons: readonly Reason[];
      readonly requires: readonly Requirement[];
      readonly denial: Denial;
    };

/** The policy's decision about an act with a card. */
export interface Judgement {
  readonly level: Level | null;
  readonly reasons: readonly Reason[];
  readonly requires: readonly Requirement[];
  /** Why a card would be denied whatever its plan, or null. */
  readonly denial: Denial | null;
}

const NO_PLAN = { fast_forward: null, changed_paths: null };

async function askPolicyAboutAct(deps: PermitDependencies, requester: Requester, request: JudgedRequest, hasCard: boolean) {
  const [policy, resolved] = await Promise.all([
    deps.policies.readActiveRules(request.tenant_id),
    deps.infra.resolve(request.tenant_id, request.params.project_id),
  ]);
  if (!policy.ok) return policy;
  if (!resolved.ok) return resolved;
  const { infra } = resolved.value;
  const { project_exists, plan: { fast_forward, changed_paths } = NO_PLAN } = request;
  const known = { fast_forward, project_exists, changed_paths };
  return grantValue({
    ...policy.value,
    infra,
    decision: policy.value.policy.decide(buildActInput(requester, request, hasCard, known, infra)),
  });
}

/** Asks the policy about an act with a card. Has no effects. */
export async function judgeCardAct(deps: PermitDependencies, requester: Requester, request: JudgedRequest): Promise<Judgement> {
  const consulted = await askPolicyAboutAct(deps, requester, request, true);
  if (!consulted.ok) return refuseUndecided(consulted.denial);
  const { decision } = consulted.value;
  const { level, reasons, requires } = decision;
  return { level, reasons, requires, denial: decision.allowed ? null : refuseByDecision(decision).denial };
}

/** Issues the permit of an act that needs no card. */
export async function issueDirectPermit(deps: PermitDependencies, requester: Requester, request: DirectRequest): Promise<DirectPermit> {
  const consulted = await askPolicyAboutAct(deps, requester, request, false);
  if (!consulted.ok) return refuseUndecided(consulted.denial);
  const { policy, versions, infra, decision } = consulted.value;
  if (!decision.allowed || decision.requires.length > 0 || needsCard(decision.level)) return refuseByDecision(decision);
  const permit = buildUnsignedPermit({
    jti: request.jti ?? randomUUID(),
    iat: deps.now(),
    requester,
    request,
    decision,
    policy_hash: policy.hash,
    versions,
    infra,
  });
  const issued = signObject("permit", permit, deps.permitKey);
  const payload = { permit: issued, card_id: null, actor_id: requester.actor_id, intent: request.intent };
  await appendEvents(deps.db, request.tenant_id, [{ type: "permit.issued", key: `permit.issued/${issued.jti}`, payload }], permit.iat);
  const { level, reasons } = decision;
  return { allowed: true, level, reasons, permit: issued, subject_hash: permit.scopes.subject_hash, policy_hash: policy.hash };
}

type DirectRefusal = Extract<DirectPermit, { readonly allowed: false }>;

function refuseUndecided(why: Denial): DirectRefusal {
  return { allowed: false, level: null, reasons: [], requires: [], denial: why };
}

function refuseByDecision(decision: Decision): DirectRefusal {
  const { level, reasons, requires } = decision;
  const why = decision.allowed
    ? buildDenial(
        "approval_required",
        `An act of level ${level} needs an approved card: open one for it, then ask with its \`approval_ref\`.`,
      )
    : buildDenial("policy_denied", reasons.map((reason) => reason.text).join(" "));
  return { allowed: false, level, reasons, requires, denial: why };
}

interface PermitFacts {
  readonly jti: string;
  readonly iat: number;
  readonly requester: Pick<Requester, "actor_id">;
  readonly request: Pick<DirectRequest, "tenant_id" | "jobType" | "target" | "office_id" | "params">;
  readonly decision: { readonly level: Level; readonly permit_ttl_ms: number; readonly max_run_ms: number };
  readonly policy_hash: string;
  /** The versions of the charters by which the act was decided. */
  readonly versions: CharterVersions;
  /** The infra context of the decision; the Runner compares it with its own. */
  readonly infra: Infra;
  readonly card?: { readonly card_id: string; readonly plan_digest: string };
}

/** Builds the permit for a decided act. Source: ADR-002 §8. */
export function buildUnsignedPermit({
  jti,
  iat,
  requester,
  request,
  decision,
  policy_hash,
  versions,
  infra,
  card,
}: PermitFacts): UnsignedPermit {
  const infra_hash = hashInfra(infra);
  return {
    aud: toAudience(request.target),
    jti,
    iat,
    exp: iat + decision.permit_ttl_ms,
    max_run_ms: decision.max_run_ms,
    scopes: {
      tenant_id: request.tenant_id,
      jobType: request.jobType,
      target: request.target,
      subject_hash: hashSubject(request.params),
      policy_hash,
      ...versions,
      level: decision.level,
      actor_id: requester.actor_id,
      office_id: request.office_id,
      ...(card === undefined ? {} : { approval_ref: card.card_id, plan_digest: card.plan_digest }),
      ...(infra_hash === undefined ? {} : { infra_hash }),
    },
  };
}
