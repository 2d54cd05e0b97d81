import type { PinnedMergeParams } from "../../domain/act/job.js";
import { type ActMarks, pickMarks } from "../../domain/act/marks.js";
import type { PactPredicate } from "../../domain/act/pact.js";
import type { SignedStatement } from "../../domain/card/statement.js";
import type { Permit } from "../../domain/permit/permit.js";
import { listStandingApprovals } from "./merge-message.js";

/** A merge, and the key of the Runner that performed it. */
export interface PerformedMerge extends ActMarks {
  readonly jti: string;
  readonly params: PinnedMergeParams;
  readonly permit: Permit;
  readonly statements: readonly SignedStatement[];
  readonly keyid: string;
}

/** Builds what the Pact of a merge states. */
export function buildMergePredicate(
  tenant_id: string,
  { jti, params, permit, statements, keyid, ...act }: PerformedMerge,
  made: Pick<PactPredicate["merge"], "commit" | "tree" | "parents">,
): PactPredicate {
  const { project_id, strategy, source, target, expected_source, expected_target } = params;
  const { approval_ref, plan_digest, policy_hash, level, actor_id, office_id } = permit.scopes;
  return {
    tenant_id,
    project_id,
    jti,
    merge: {
      strategy,
      source: { branch: source, commit: expected_source },
      target: { branch: target, commit: expected_target },
      ...made,
    },
    decision: {
      card_id: approval_ref ?? null,
      plan_digest: plan_digest ?? null,
      policy_hash,
      level,
      ...pickMarks(act),
      proposed_by: { actor_id, office_id },
      approvals: listStandingApprovals(statements),
    },
    permit,
    runner: { target: permit.scopes.target, keyid },
  };
}
