import { type Outcome, wrapDenial } from "../../domain/denial.js";
import { toActRef } from "../../domain/git/ref-name.js";
import { checkInfraRegistry } from "../../planning/check-infra-registry.js";
import type { OpenRepository } from "../../repository/open-repository.js";
import type { CheckedPack } from "../../repository/packs/checked-pack.js";
import { findPreviousAct } from "../../repository/refs/act-records.js";
import { listFinishedActs } from "../../repository/refs/finished-acts.js";
import type { RefTarget } from "../../repository/refs/packed-refs.js";
import { type Move, moveRefs } from "../git/move-refs.js";
import { storePack } from "../git/store-pack.js";
import type { JobContext } from "./job.js";

export interface Publication extends Omit<Move, "finished"> {
  readonly pack?: CheckedPack | undefined;
  /**
   * The commit under which the complete log is stored before the refs move, or null for none. If undefined, the log is stored with the
   * receipt.
   */
  readonly logCommit?: string | null;
}

export interface Published {
  readonly stored_bytes: number;
  /** The version of the refs that was replaced. Undefined if an earlier attempt at this act had moved them. */
  readonly from: string | undefined;
  readonly previous_act: string | null;
}

/** The record of an act that has moved refs. */
export interface EarlierMove extends RefTarget {
  readonly previous_act: string | null;
}

/**
 * Stores the pack and the log, then moves the refs and records the act by one conditional write. Denials: `infra_invalid` and those of
 * `moveRefs`.
 */
export async function publishChange(
  context: JobContext,
  repository: OpenRepository,
  { pack, logCommit, ...move }: Publication,
): Promise<Outcome<Published>> {
  const { receipted } = repository.cache.memory;
  const [stored_bytes, finished] = await Promise.all([
    pack === undefined ? 0 : storePack(repository, pack),
    listFinishedActs(context.store, context.tenant_id, repository.state.refs, move.jti, receipted),
    logCommit === undefined ? undefined : context.keepLog(logCommit),
  ]);
  await context.completeStep("stored");
  const invalid = await checkInfraRegistry(context, repository, move.refs);
  if (invalid !== undefined) return wrapDenial(invalid);
  const moved = await moveRefs(repository, { ...move, finished });
  if (!moved.ok) return moved;
  await context.completeStep("moved");
  return { ok: true, value: { stored_bytes, from: moved.value.from, previous_act: moved.value.previous_act } };
}

/** Finds the record of an earlier attempt that moved the refs. Logs `found` if there is one. */
export async function findEarlierMove(
  context: JobContext,
  repository: OpenRepository,
  jti: string,
  found: string,
): Promise<EarlierMove | undefined> {
  const { refs } = repository.state;
  const record = refs.get(toActRef(jti));
  if (record === undefined) return undefined;
  context.log(found);
  await context.completeStep("moved");
  return { ...record, previous_act: findPreviousAct(refs, jti) };
}
