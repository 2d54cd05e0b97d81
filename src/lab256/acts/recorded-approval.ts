import { judgeAuthority } from "../../decision/judge-authority.js";
import type { ActAuthority } from "../../domain/card/authority.js";
import { denyWith, grantValue, type Outcome } from "../../domain/denial.js";
import { type CardDetail, findCard } from "../ledger/queries/cards.js";
import type { DecidedCard } from "./cards.js";
import type { Lab256Dependencies } from "./dependencies.js";

export interface RecordedApproval {
  readonly authority: ActAuthority;
  /** When the ledger got the last approval or attestation, in milliseconds since 1970; null if the plan needs none. */
  readonly completed_at_ms: number | null;
}

/**
 * Checks against the ledger that this plan of the card has everything the policy requires, by the members and passkeys of now. The flow has
 * counted the same, but anyone who can complete its tasks can forge its state, and an approver may have been disabled since.
 */
export async function checkRecordedApproval(deps: Lab256Dependencies, about: DecidedCard): Promise<Outcome<RecordedApproval>> {
  const { card, planned, round } = about;
  const recorded = await findCard(deps.db, card);
  if (recorded === undefined || recorded.plan_digest !== planned.plan_digest || recorded.round !== round)
    return denyWith("approval_missing", `The ledger does not have ${planned.plan_digest} as the current plan of ${card.card_id}.`);
  const evidence = listStandingEvidence(recorded);
  const completed_at_ms = evidence.times.length === 0 ? null : Math.max(...evidence.times);
  const times = { at_ms: deps.now(), used_at_ms: completed_at_ms ?? deps.now() };
  const judged = await judgeAuthority(about.rules, about, evidence, times);
  if (!judged.ok) return judged;
  return grantValue({ authority: { card, statements: evidence.statements, attestations: evidence.attestations }, completed_at_ms });
}

/** Reads what a card rests on from the ledger. */
export function readAuthority(recorded: CardDetail): ActAuthority {
  const { statements, attestations } = listStandingEvidence(recorded);
  return { card: recorded.card, statements, attestations };
}

/**
 * Lists the approvals and attestations of the card's present round that still count, in the order in which they were recorded. Of several
 * approvals of a person in one office, the last one counts.
 */
function listStandingEvidence({ statements, attestations, round, plan_digest }: CardDetail) {
  const approvals = statements.filter(
    ({ decision, counts, void_why, signed: { statement } }) =>
      decision === "approve" && counts && void_why === null && statement.round === round && statement.plan_digest === plan_digest,
  );
  const last = new Map(approvals.map((row) => [`${row.approval?.person_id} ${row.office_id}`, row]));
  const standing = approvals.filter((row) => last.get(`${row.approval?.person_id} ${row.office_id}`) === row);
  const attested = attestations.filter((row) => row.void_why === null && row.round === round && row.plan_digest === plan_digest);
  return {
    statements: standing.map(({ signed }) => signed),
    attestations: attested.map(({ attestation }) => attestation),
    times: [...standing, ...attested].map(({ at_ms }) => at_ms),
  };
}
