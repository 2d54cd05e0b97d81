import { describeRequirement } from "../../domain/card/requirement.js";
import type { Level } from "../../domain/level.js";
import type { Reason, Requirement } from "../../domain/policy/policy-contract.js";

/** Formats what a policy decides about an act. */
export function formatDecisionLines(decided: {
  readonly level: Level | null;
  readonly requires: readonly Requirement[];
  readonly reasons: readonly Reason[];
}): string[] {
  return [
    `  level     ${decided.level ?? "none"}`,
    ...decided.requires.map((requirement) => `  requires  ${formatRequirement(requirement)}`),
    ...decided.reasons.map(({ rule, text }) => `  reason    ${text} (${rule})`),
  ];
}

function formatRequirement(requirement: Requirement): string {
  const excludes = requirement.kind === "approvals" ? requirement.excludes : [];
  const without = excludes.length === 0 ? "" : `, not by ${excludes.map((one) => one.replaceAll("_", " ")).join(", ")}`;
  return `${describeRequirement(requirement)}${without}`;
}
