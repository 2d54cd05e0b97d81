import type { CharterChange } from "../../domain/charter/change.js";
import type { CharterState } from "../../domain/charter/state.js";
import { denyWith, grantValue, type Outcome } from "../../domain/denial.js";
import { PolicyBytesError } from "../policy/bytes.js";
import { withPasskeyFilter } from "../policy/passkey-filter.js";
import type { Policy } from "../policy/policy.js";
import { PolicyMissing, type PolicyParts } from "../policy/stored-policies.js";
import type { OperatorCharter } from "./plane-keys.js";
import type { NextPolicies } from "./planned-change.js";

/** What a walk reads beside the entries. */
export interface CharterSources {
  /** Reads one of the tenant's policies by its hash. Throws if its bytes are missing or not usable. */
  readPolicy(tenantId: string, policyHash: string): Promise<Outcome<Policy>>;
  /** Reads a policy as `readPolicy` does, without loading its rules. */
  readPolicyParts(tenantId: string, policyHash: string): Promise<Outcome<PolicyParts>>;
  /**
   * Reads the operator's newest charter. Null for the operator's own charter, or one that is read as such: then its own list of rules and its own
   * keys count, and it alone can list rules.
   */
  readonly readOperator: (() => Promise<Outcome<OperatorCharter>>) | null;
}

/** A charter whose next change names a policy. */
interface NamingCharter {
  readonly tenantId: string;
  readonly state: Pick<CharterState, "find" | "list">;
}

/** Lists the rules of policies that an operator's charter lists. */
export function listPolicyCodes(operator: Pick<CharterState, "list">): ReadonlySet<string> {
  return new Set(operator.list("policy_code").map(([hash]) => hash));
}

/** Finds the policy that a change makes a tenant's own, with the hash of rules that it lists. */
export function findNamedPolicy({
  jobType,
  params,
}: CharterChange): { readonly policy_hash: string; readonly rules?: string | undefined } | undefined {
  if (jobType === "registry.policy.publish") return params;
  return jobType === "registry.tenant.found" ? params.entry?.change.params : undefined;
}

/** Reads the policies after a change. Denials: those of {@link readPermittedPolicy}. */
export async function readNextPolicies(
  sources: CharterSources,
  charter: NamingCharter,
  change: CharterChange,
  policy: Policy,
): Promise<Outcome<NextPolicies>> {
  const named = findNamedPolicy(change);
  if (named === undefined) return grantValue({ nextPolicy: policy, foundedPolicy: null });
  const parts = await readPermittedPolicy(sources, charter, named);
  if (!parts.ok) return parts;
  const { data } = parts.value;
  const isFounding = change.jobType === "registry.tenant.found";
  return grantValue({ nextPolicy: isFounding ? policy : await withPasskeyFilter(data), foundedPolicy: isFounding ? data : null });
}

/**
 * Reads a policy whose rules are those of the active one, or listed in the operator's charter, or listed by this change. Other rules could
 * allow everything, or run for ever in every process that loads them. Denials: `charter_invalid`, `policy_not_current`.
 */
export async function readPermittedPolicy(
  { readPolicyParts, readOperator }: CharterSources,
  { tenantId, state }: NamingCharter,
  { policy_hash, rules }: { readonly policy_hash: string; readonly rules?: string | undefined },
): Promise<Outcome<PolicyParts>> {
  const parts = await readPolicyParts(tenantId, policy_hash);
  if (!parts.ok) return parts;
  const { rules_hash } = parts.value;
  if (rules !== undefined) {
    if (readOperator !== null) return denyWith("charter_invalid", "Only the operator's charter lists the rules of policies.");
    // Whoever approves the listing of rules has seen those of this policy, so no other ones are listed with it.
    if (rules === rules_hash) return parts;
    return denyWith("charter_invalid", `The rules of the policy ${policy_hash} are ${rules_hash}, not ${rules}.`);
  }
  const operator = readOperator === null ? grantValue({ policyCodes: listPolicyCodes(state) }) : await readOperator();
  if (!operator.ok) return operator;
  if (operator.value.policyCodes.has(rules_hash)) return parts;
  const active = await readPolicyParts(tenantId, state.find("policy")?.policy_hash ?? "");
  if (!active.ok) return active;
  if (active.value.rules_hash === rules_hash) return parts;
  return denyWith(
    "charter_invalid",
    `The policy ${policy_hash} has other rules (${rules_hash}) than the active one, and the operator's charter does not list them.`,
  );
}

/** Denies a change whose policy cannot be read: its author can still provide it. A charter that has the entry cannot be used without it. */
export async function denyUnusablePolicy<T>(work: () => Promise<Outcome<T>>): Promise<Outcome<T>> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof PolicyMissing || error instanceof PolicyBytesError) return denyWith("charter_invalid", error.message);
    throw error;
  }
}
