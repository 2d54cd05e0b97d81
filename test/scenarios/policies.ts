import type { PolicyData } from "../../src/decision/policy/data.js";
import { buildPolicyWith } from "../harness/policies.js";
import { QUICK_OFFICE, QUORUM_OFFICE } from "./tenants.js";

/** The lifetime of permits of {@link QUICK_OFFICE}, and the decision time of L2 cards, under {@link buildScenarioPolicy}. */
export const QUICK_PERMIT_MS = 2000;
export const L2_DECIDE_MS = 4000;

/** The default policy with two more offices and a short decision time for L2 cards. */
export function buildScenarioPolicy(change: (data: PolicyData) => PolicyData = (data) => data): Promise<Uint8Array> {
  return buildPolicyWith((data) => {
    const base = data.offices["office::default"];
    if (base === undefined) throw new Error("the default policy has no office::default");
    return change({
      ...data,
      levels: { ...data.levels, L2: { ...data.levels.L2, decide_within_ms: L2_DECIDE_MS } },
      offices: {
        ...data.offices,
        [QUICK_OFFICE]: { ...base, ttl_default_ms: QUICK_PERMIT_MS },
        [QUORUM_OFFICE]: { ...base, approval_policy: { min_approvals: 2 } },
      },
    });
  });
}
