import type { MayBreakGlass } from "../domain/act/break-glass.js";
import type { Infra } from "../domain/act/infra-context.js";
import { findJobFacts, type Job, omitPatch } from "../domain/act/job.js";
import { parseActorKind, type Target } from "../domain/ids.js";
import type { Level } from "../domain/level.js";
import type { ActInput } from "../domain/policy/policy-contract.js";

/** The actor that requests an act, and the office it acts through. */
export interface Requester {
  readonly actor_id: string;
  readonly person_id: string | null;
  readonly member_offices: readonly string[];
}

export type RequestedAct = Job &
  MayBreakGlass & {
    readonly tenant_id: string;
    readonly office_id: string;
    readonly target: Target;
    readonly risk?: Level | undefined;
  };

/** The known facts of the repository and of the charter; null or absent if they were not read yet. */
export type KnownFacts = Pick<ActInput["facts"], "fast_forward" | "project_exists" | "changed_paths" | "charter_level">;

/** Builds the policy's input about an act. */
export function buildActInput(requester: Requester, act: RequestedAct, hasCard: boolean, known: KnownFacts, infra: Infra): ActInput {
  return {
    tenant_id: act.tenant_id,
    job_type: act.jobType,
    target: act.target,
    ...(act.risk === undefined ? {} : { risk: act.risk }),
    break_glass: act.break_glass !== undefined,
    has_card: hasCard,
    actor: { actor_id: requester.actor_id, kind: parseActorKind(requester.actor_id), person_id: requester.person_id },
    office_id: act.office_id,
    member_offices: [...requester.member_offices],
    params: omitPatch(act.params),
    facts: { ...findJobFacts(act), ...known },
    infra,
  };
}
