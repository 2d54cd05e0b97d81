import { CHARTER_JOB_TYPES } from "../../domain/charter/change.js";
import type { RecordWrite } from "../../domain/charter/records.js";
import type { CharterState } from "../../domain/charter/state.js";
import { denyWith, type Outcome } from "../../domain/denial.js";
import type { Level } from "../../domain/level.js";
import { NETWORK_NAMES } from "../../domain/permit/allowlist.js";
import type { PolicyData } from "../policy/data.js";
import { type Membership, mapDeciders } from "./deciders.js";

/** Less time than this at L5 leaves a sealed charter that nobody can change. */
const PERMIT_TTL_MIN_MS = 30_000;
const DECIDE_WITHIN_MIN_MS = 600_000;
const RUN_MIN_MS = 10_000;

/**
 * Once the charter is sealed, persons other than one proposer must be able to fill what the policy asks for the rotation of keys after every
 * change, or nobody could change the charter any more.
 */
export function checkReachable(state: CharterState, policy: PolicyData): Outcome<never> | undefined {
  if (state.find("sealed") === undefined) return undefined;
  const job = policy.jobs["registry.keys.rotate"];
  if (job === undefined) return denyUnreachable("the policy has no job `registry.keys.rotate`");
  if (job.attestation !== undefined && (policy.attestors?.[job.attestation]?.keys.length ?? 0) === 0)
    return denyUnreachable(`nobody can attest ${job.attestation}, which the policy asks for`);
  const { permit_ttl_ms, decide_within_ms, max_run_ms } = policy.levels.L5;
  if (permit_ttl_ms < PERMIT_TTL_MIN_MS || decide_within_ms < DECIDE_WITHIN_MIN_MS || max_run_ms < RUN_MIN_MS)
    return denyUnreachable("the policy leaves too little time at L5 to decide, to use the permit or to do the work");
  const actors = state.list("actor").filter(([, actor]) => !actor.disabled && state.find("person", actor.person_id)?.disabled === false);
  const byRole = new Map<string | undefined, ReadonlyMap<string, Level>>();
  for (const [, proposer] of actors)
    for (const { office_id } of proposer.offices.filter(isLasting)) {
      const office = policy.offices[office_id];
      if (office === undefined || office.ttl_default_ms < PERMIT_TTL_MIN_MS) continue;
      if (!office.allowed_actions.includes("registry.keys.rotate") || office.risk_ceiling !== "L5") continue;
      if (!office.scope.targets.includes(job.target)) continue;
      const { role, min_approvals = 0 } = office.approval_policy;
      const deciders =
        byRole.get(role) ?? mapDeciders(state, policy, (held) => isLasting(held) && (role === undefined || held.roles.includes(role)));
      byRole.set(role, deciders);
      const able = [...deciders].filter(([id, level]) => level === "L5" && id !== proposer.person_id);
      if (able.length >= Math.max(2, min_approvals, policy.levels.L5.approvals)) return undefined;
    }
  return denyUnreachable("too few persons other than a proposer could approve at L5");
}

/** Runners must keep being allowed to change the charter that says what they are allowed to do, which is the operator's. */
export function checkOwnAllowance(tenantId: string, writes: readonly RecordWrite[]): Outcome<never> | undefined {
  const own = writes.find(({ kind, id }) => kind === "tenant" && id === tenantId);
  if (own?.kind !== "tenant") return undefined;
  const { jobs, network_whitelist } = own.value.allowance;
  const missing = CHARTER_JOB_TYPES.find((job) => !jobs.includes(job)) ?? NETWORK_NAMES.find((name) => !network_whitelist.includes(name));
  return missing === undefined ? undefined : denyUnreachable(`the allowance of ${tenantId} lacks ${missing}`);
}

/** An office that ends is not counted on. */
function isLasting({ until }: Membership): boolean {
  return until === undefined;
}

function denyUnreachable(why: string): Outcome<never> {
  return denyWith("charter_unreachable", `After this change nobody could change the charter any more: ${why}.`);
}
