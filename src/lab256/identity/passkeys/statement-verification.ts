import type { Jwks } from "../../../domain/bytes/signature.js";
import { hashStatement, type SignedStatement, type Statement, signedStatementSchema } from "../../../domain/card/statement.js";
import { denyWith, grantValue, type Outcome } from "../../../domain/denial.js";
import type { ActorKind } from "../../../domain/ids.js";
import type { Level } from "../../../domain/level.js";
import { formatProblems, parseWith } from "../../../domain/problems.js";
import type { Db } from "../../database/database.js";
import { type Actor, findActor } from "../actors.js";
import type { RelyingParty } from "./passkeys.js";
import { verifyAttestedStatement } from "./statements.js";
import { verifyStepUp } from "./step-up.js";

/** `jwks` has the keys with which the api attests statements. */
export interface StatementVerification {
  readonly db: Db;
  readonly jwks: Jwks;
  readonly rp: RelyingParty;
}

/** The card's current state, against which a statement is verified. */
export interface StatementContext {
  readonly tenant_id: string;
  readonly card_id: string;
  readonly currentPlanDigest: string;
  readonly level: Level;
  readonly needsStepUp: boolean;
  readonly nowMs: number;
}

/** A genuine statement. The policy decides whether it counts. */
export interface VerifiedStatement {
  readonly statement: Statement;
  readonly statement_digest: string;
  readonly actor_id: string;
  readonly kind: ActorKind;
  readonly person_id: string | null;
  readonly office_id: string;
  /** The approver's roles at that office. */
  readonly roles: readonly string[];
  readonly member_offices: readonly string[];
  readonly step_up: boolean;
}

/**
 * Verifies a signed statement from any source, in this order: shape, the api's signature, tenant, card, plan, `not_after`, approver,
 * office, step-up. An invalid assertion is a denial even if none is required. Verifying the same statement again returns the same result.
 * Throws only if the database fails. Denials: `statement_invalid`, `step_up_invalid`, `step_up_required`. Source: contracts "Plan and
 * statements".
 */
export async function verifyStatement(
  { db, jwks, rp }: StatementVerification,
  candidate: unknown,
  context: StatementContext,
): Promise<Outcome<VerifiedStatement>> {
  const parsed = parseWith(signedStatementSchema, candidate);
  if (!parsed.ok) return denyStatement(`The statement is malformed: ${formatProblems(parsed.problems)}`);
  const signed = parsed.value;
  const { statement, assertion } = signed;
  const mismatch = findMismatch(signed, jwks, context);
  if (mismatch !== undefined) return denyStatement(mismatch);

  const actor = await findActor(db, statement.tenant_id, statement.approver);
  if (actor === undefined || actor.disabled)
    return denyStatement(`${statement.approver} is not an active actor of ${statement.tenant_id}.`);
  const office = actor.offices.find((held) => held.office_id === statement.office_id);
  if (office === undefined) return denyStatement(`${statement.approver} does not hold the office ${statement.office_id}.`);

  if (assertion === undefined && context.needsStepUp)
    return denyWith("step_up_required", `This statement needs a step-up at level ${context.level}: assert its digest with a passkey.`);
  if (assertion !== undefined) {
    if (actor.kind !== "person" || actor.person_id === null)
      return denyWith("step_up_invalid", `${actor.actor_id} is not a person, and only a person has passkeys.`);
    const stepUp = await verifyStepUp(db, { statement, assertion, person_id: actor.person_id, rp });
    if (!stepUp.ok) return stepUp;
  }
  return grantValue(toVerifiedStatement(statement, actor, office.roles, assertion !== undefined));
}

/** Finds what is wrong with the statement itself or does not match its card. Returns undefined if nothing is. */
function findMismatch(signed: SignedStatement, jwks: Jwks, context: StatementContext): string | undefined {
  const { statement, attestor } = signed;
  const verdict = verifyAttestedStatement(signed, jwks);
  if (verdict === "key_unknown") return `The statement is attested by the key ${attestor.kid}, which is not trusted.`;
  if (verdict === "signature_invalid") return "The attestor's signature does not match this statement.";
  if (statement.tenant_id !== context.tenant_id) return `The statement is for the tenant ${statement.tenant_id}, not ${context.tenant_id}.`;
  if (statement.card_id !== context.card_id) return `The statement is for the card ${statement.card_id}, not ${context.card_id}.`;
  if (statement.plan_digest !== context.currentPlanDigest)
    return `The statement is for the plan ${statement.plan_digest}, but the card's plan is now ${context.currentPlanDigest}; review it and decide again.`;
  if (statement.not_after < context.nowMs)
    return `The statement expired at ${new Date(statement.not_after).toISOString()}; make a new one.`;
  return undefined;
}

function toVerifiedStatement(statement: Statement, actor: Actor, roles: readonly string[], step_up: boolean): VerifiedStatement {
  const { actor_id, kind, person_id, offices } = actor;
  const member_offices = offices.map((held) => held.office_id);
  return {
    statement,
    statement_digest: hashStatement(statement),
    actor_id,
    kind,
    person_id,
    office_id: statement.office_id,
    roles,
    member_offices,
    step_up,
  };
}

function denyStatement(message: string): ReturnType<typeof denyWith> {
  return denyWith("statement_invalid", message);
}
