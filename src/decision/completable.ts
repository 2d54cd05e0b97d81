import { findOpenPlaces } from "../domain/card/requirement.js";
import { isLevelAtLeast } from "../domain/level.js";
import type { Reason } from "../domain/policy/policy-contract.js";
import { mapRolesOfDeciders } from "./charter/deciders.js";
import type { Rules } from "./decide-act.js";
import { type CardRound, listCountingPasskeys, needsStepUp } from "./judge-statement.js";
import { findKeptPasskeys } from "./own-passkey.js";
import { waivesForSolo } from "./solo.js";

/**
 * Finds why nobody could complete a card of L3 or above: too few persons can approve besides those whom the rules exclude, or an attestation is
 * needed that nobody can sign. Judges by the members of now. Source: contracts "Levels".
 */
export function findIncompletable(rules: Rules, round: CardRound, atMs: number): readonly Reason[] {
  const { level, requires } = round.decided;
  if (!isLevelAtLeast(level, "L3")) return [];
  const able = mapAble(rules, round, atMs);
  return requires.flatMap((requirement) => {
    if (requirement.kind === "card") return [];
    if (requirement.kind === "attestation") {
      const { predicate_type } = requirement;
      const hasKey = (rules.policy.data.attestors?.[predicate_type]?.keys.length ?? 0) > 0;
      return hasKey ? [] : [explain(`the policy has no key that may sign an attestation of type ${predicate_type}`)];
    }
    const { count, roles } = requirement;
    const open = findOpenPlaces(roles, able);
    if (able.size >= count && open.count === 0) return [];
    const who = able.size === 0 ? "nobody" : [...able.keys()].sort().join(", ");
    const lacking = open.count === 0 ? "" : `, with nobody left for the role ${open.roles.join(" or ")}`;
    return [explain(`${count} must approve at ${level}, and only ${who} could besides those who made the change${lacking}`)];
  });
}

/** The persons who could approve, with their roles. */
function mapAble(rules: Rules, { card, planned, decided, pushers }: CardRound, atMs: number): ReadonlyMap<string, readonly string[]> {
  const { charter, policy } = rules;
  const isHeld = ({ until }: { readonly until?: number | undefined }): boolean => until === undefined || atMs < until;
  const able = new Map(mapRolesOfDeciders(charter, policy, decided.level, isHeld));
  if (needsStepUp(decided, "approve"))
    for (const id of able.keys()) if (listCountingPasskeys(rules, card, id, decided.level).length === 0) able.delete(id);
  const { author_emails, basis } = planned.plan;
  if (!isLevelAtLeast(decided.level, "L5") && findKeptPasskeys(charter, card, card.author.person_id) !== undefined) return able;
  for (const id of basis.charter?.takes_power_from ?? []) able.delete(id);
  const excludes = decided.requires.some((requirement) => requirement.kind === "approvals" && requirement.excludes.length > 0);
  if (!excludes || waivesForSolo(rules, decided.level)) return able;
  const makers = [...pushers.person_ids, ...charter.listPersonsByEmail(author_emails)];
  for (const id of card.author.person_id === null ? makers : [card.author.person_id, ...makers]) able.delete(id);
  return able;
}

function explain(why: string): Reason {
  return { rule: "card.incompletable", text: `Nobody can complete this card: ${why}.` };
}
