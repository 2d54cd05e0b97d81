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
  if (requirement.kind === "card") return "a card";
  if (requirement.kind === "attestation") return `an attestation of type ${requirement.predicate_type}`;
  const { count, role, step_up, excludes } = requirement;
  const who = role === null ? "" : ` by the role ${role}`;
  const without = excludes.length === 0 ? "" : `, not by ${excludes.map((one) => one.replaceAll("_", " ")).join(", ")}`;
  return `${count} approval${count === 1 ? "" : "s"}${who}${step_up ? " with step-up" : ""}${without}`;
}
