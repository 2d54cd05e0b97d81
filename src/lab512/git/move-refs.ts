import { setTimeout as sleep } from "node:timers/promises";
import { denyWith, grantValue, type Outcome, wrapDenial } from "../../domain/denial.js";
import { ZERO_ID } from "../../domain/git/git-id.js";
import type { RefMove } from "../../domain/git/ref-move.js";
import { toActRef, toEndedActRef } from "../../domain/git/ref-name.js";
import { casConflicts } from "../../process/metrics/lab512.js";
import { GitFault } from "../../repository/git-fault.js";
import type { OpenRepository } from "../../repository/open-repository.js";
import { findPreviousAct, recordAct } from "../../repository/refs/act-records.js";
import { checkNoOtherRefs, checkRefMoves } from "../../repository/refs/move-problem.js";
import { type Refs, type RefTarget, serialisePackedRefs } from "../../repository/refs/packed-refs.js";
import { type RefsState, readRefs } from "../../repository/refs/refs-state.js";
import { toRepositoryKeys } from "../../repository/repository-key.js";
import { swapPointer } from "./swap-pointer.js";

/** How often a lost swap is retried. Each loss means that another act succeeded. */
const TRIES_MAX = 64;

export interface Move {
  readonly jti: string;
  readonly refs: readonly (RefMove & { readonly peeled?: string })[];
  /** The target of `refs/ubl/acts/<jti>`. A single object thus shows both the act and its outcome. */
  readonly act: RefTarget;
  /** Act refs whose receipt exists and which can be removed. */
  readonly finished: readonly string[];
  /** Whether the move fails if any other branch or tag exists. */
  readonly forbidsOtherRefs?: boolean;
}

export interface MoveResult {
  /** The refs after the move. */
  readonly state: RefsState;
  /** The version that was replaced. Undefined if an earlier attempt at this act had moved the refs. */
  readonly from: string | undefined;
  /** The act that wrote the replaced version, or null for the first act of a project. */
  readonly previous_act: string | null;
}

/** Moves the refs of an act, starting from the remembered refs. Acts of this process queue, so they lose no swaps to each other. */
export async function moveRefs(repository: OpenRepository, move: Move): Promise<Outcome<MoveResult>> {
  const { cache, state } = repository;
  return cache.moveQueue.run(async () => {
    const moved = await swapRefs(repository, move, cache.memory.latest ?? state);
    if (!moved.ok) return moved;
    const { state: next, from } = moved.value;
    if (from === undefined) cache.memory.remember(next);
    else cache.memory.latest = next;
    // All objects of the new version are on disk only if those of the replaced version were.
    if (from !== undefined && cache.memory.versionsOnDisk.has(from)) cache.memory.versionsOnDisk.add(next.version);
    return moved;
  });
}

/**
 * Moves all refs of an act together with its record, or none: read, check, one conditional PUT (contracts "Storage"). `known` saves the
 * first read. A lost swap is retried while the act's refs are unmoved. The record identifies a write of this act whose response was lost.
 * Denials: `ref_moved`, `ref_exists`, `ref_conflict`, `project_unknown`.
 */
async function swapRefs({ store, name, signal }: OpenRepository, move: Move, known: RefsState): Promise<Outcome<MoveResult>> {
  const key = toRepositoryKeys(name).packedRefs;
  let state: RefsState | undefined = known;
  let fresh = false;
  for (let tries = 0; tries < TRIES_MAX; tries++) {
    if (!fresh && tries > 0) {
      state = await readRefs(store, name);
      fresh = true;
    }
    if (state === undefined) return denyWith("project_unknown", `${name.project_id} has no repository; register the project first.`);
    if (state.refs.has(toActRef(move.jti)))
      return grantValue({ state, from: undefined, previous_act: findPreviousAct(state.refs, move.jti) });
    if (state.refs.has(toEndedActRef(move.jti)))
      return denyWith("permit_used", "A later attempt recorded that this act ended without moving a ref.");
    const refusal = checkRefMoves(state.refs, move.refs) ?? (move.forbidsOtherRefs ? checkNoOtherRefs(state.refs, move.refs) : undefined);
    // The known refs may be stale, so only fresh ones can deny.
    if (refusal !== undefined && fresh) return wrapDenial(refusal);
    if (refusal === undefined) {
      signal.throwIfAborted();
      const { refs, previous_act } = applyMove(state.refs, move);
      const askedAtMs = performance.now();
      const version = await swapPointer(store, key, state.version, serialisePackedRefs(refs));
      if (version !== undefined)
        return grantValue({
          state: { version, refs, askedAtMs, answeredAtMs: performance.now() },
          from: state.version,
          previous_act,
        });
      casConflicts.inc();
      if (tries > 0) await sleep(Math.random() * 4 * tries);
    }
    fresh = false;
  }
  throw new GitFault(
    "contended",
    `The refs of ${name.project_id} moved ${TRIES_MAX} times in a row. Try again when fewer acts write to it.`,
  );
}

function applyMove(refs: Refs, move: Move): { readonly refs: Refs; readonly previous_act: string | null } {
  const next = new Map(refs);
  for (const name of move.finished) next.delete(name);
  for (const { name, new: id, peeled } of move.refs) {
    if (id === ZERO_ID) next.delete(name);
    else next.set(name, peeled === undefined ? { id } : { id, peeled });
  }
  return { refs: next, previous_act: recordAct(next, move.jti, move.act) };
}
