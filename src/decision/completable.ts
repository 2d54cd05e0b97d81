import { findOpenPlaces } from "../domain/card/requirement.js";
import { isLevelAtLeast } from "../domain/level.js";
import type { Reason } from "../domain/policy/policy-contract.js";
import { mapRolesOfDeciders } from "./charter/deciders.js";
import type { Rules } from "./decide-act.js";
import { type CardRound, listCountingPasskeys, needsStepUp } from "./judge-statement.js";
import { findKeptPasskeys } from "./own-passkey.js";
import { waivesForSolo } from "./solo.js";

/** How many persons a reason names. */
const NAMES_MAX = 10;

/**
 * Says who can approve a card, or why nobody could complete it: too few persons can approve besides those whom the rules exclude, or an
 * attestation is needed that nobody can sign. Judges by the members of now. Source: contracts "Levels".
 */
export function describeCompletion(rules: Rules, round: CardRound, atMs: number): readonly Reason[] {
  if (!round.decided.requires.some(({ kind }) => kind !== "card")) return [];
  const able = mapAble(rules, round, atMs);
  const incompletable = listIncompletable(rules, round.decided, able);
  if (incompletable.length > 0 || able.size === 0) return incompletable;
  return [{ rule: "card.approvers", text: `Who can approve it: ${formatNames(able)}.` }];
}

function listIncompletable(
  rules: Rules,
  { level, requires }: CardRound["decided"],
  able: ReadonlyMap<string, readonly string[]>,
): Reason[] {
  if (!isLevelAtLeast(level, "L3")) return [];
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
    const who = able.size === 0 ? "nobody" : formatNames(able);
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

function formatNames(able: ReadonlyMap<string, unknown>): string {
  const names = [...able.keys()].sort();
  const more = names.length - NAMES_MAX;
  return `${names.slice(0, NAMES_MAX).join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
}

function explain(why: string): Reason {
  return { rule: "card.incompletable", text: `Nobody can complete this card: ${why}.` };
}
