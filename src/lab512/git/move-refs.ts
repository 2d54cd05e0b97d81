import { setTimeout as sleep } from "node:timers/promises";
import { denyWith, type Outcome, wrapDenial } from "../../domain/denial.js";
import { ZERO_ID } from "../../domain/git/git-id.js";
import type { RefMove } from "../../domain/git/ref-move.js";
import { toActRef } from "../../domain/git/ref-name.js";
import { casConflicts } from "../../process/metrics/lab512.js";
import { GitFault } from "../../repository/git-fault.js";
import type { OpenRepository } from "../../repository/open-repository.js";
import { checkNoOtherRefs, checkRefMoves } from "../../repository/refs/move-problem.js";
import { type Refs, type RefTarget, serialisePackedRefs } from "../../repository/refs/packed-refs.js";
import { type RefsState, readRefs } from "../../repository/refs/refs-state.js";
import { type RepositoryName, toRepositoryKeys } from "../../repository/repository-key.js";
import type { ObjectStore } from "../../storage/ports.js";
import { swapPointer } from "./swap-pointer.js";

/** How often a swap that others won is tried again; each loss means that another act went through. */
const TRIES_MAX = 64;

export interface Move {
  readonly jti: string;
  readonly refs: readonly (RefMove & { readonly peeled?: string })[];
  /** What `refs/ubl/acts/<jti>` points to, so that the act and its outcome are known from the same object. */
  readonly act: RefTarget;
  /** Act refs that have a receipt and need no record any more. */
  readonly finished: readonly string[];
  /** No branch and no tag may stand beside those that move. */
  readonly forbidsOtherRefs?: boolean;
}

export interface MoveResult {
  /** The refs with the move in them. */
  readonly state: RefsState;
  /** The version that was replaced, or undefined when an earlier attempt of this very act had moved the refs. */
  readonly from: string | undefined;
}

/**
 * Moves the refs of an act, starting from what this process remembers of them. The acts of this process take turns, so that they do not
 * lose swaps to each other.
 */
export async function moveRefs(
  { store, name, state, cache }: OpenRepository,
  move: Move,
  signal: AbortSignal,
): Promise<Outcome<MoveResult>> {
  return cache.moves.run(async () => {
    const moved = await swapRefs(store, name, move, cache.memory.latest ?? state, signal);
    if (!moved.ok) return moved;
    const { state: next, from } = moved.value;
    if (from === undefined) cache.memory.remember(next);
    else cache.memory.latest = next;
    // Only what follows from a version whose objects are here has its own objects here.
    if (from !== undefined && cache.memory.isVersionOnDisk(from)) cache.memory.noteVersion(next.version);
    return moved;
  });
}

/**
 * Moves all refs of an act together with its record, or none: read, check, one conditional PUT (contracts "Storage"). `known` saves
 * the first read. A lost swap is tried again while the moved refs themselves stand where they should; an own write whose answer was
 * lost is recognised by its record. Denials: `ref_moved`, `ref_exists`, `ref_conflict`, `project_unknown`.
 */
async function swapRefs(
  store: ObjectStore,
  name: RepositoryName,
  move: Move,
  known: RefsState,
  signal: AbortSignal,
): Promise<Outcome<MoveResult>> {
  const key = toRepositoryKeys(name).packedRefs;
  let state: RefsState | undefined = known;
  let fresh = false;
  for (let tries = 0; tries < TRIES_MAX; tries++) {
    if (!fresh && tries > 0) {
      state = await readRefs(store, name);
      fresh = true;
    }
    if (state === undefined) return denyWith("project_unknown", `${name.project_id} has no repository; register the project first.`);
    if (state.refs.has(toActRef(move.jti))) return { ok: true, value: { state, from: undefined } };
    const refusal = checkRefMoves(state.refs, move.refs) ?? (move.forbidsOtherRefs ? checkNoOtherRefs(state.refs, move.refs) : undefined);
    // What was known may be old: nobody is refused on a stale reading.
    if (refusal !== undefined && fresh) return wrapDenial(refusal);
    if (refusal === undefined) {
      signal.throwIfAborted();
      const refs = applyMove(state.refs, move);
      const askedAtMs = performance.now();
      const version = await swapPointer(store, key, state.version, serialisePackedRefs(refs));
      if (version !== undefined)
        return { ok: true, value: { state: { version, refs, askedAtMs, answeredAtMs: performance.now() }, from: state.version } };
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

function applyMove(refs: Refs, move: Move): Refs {
  const next = new Map(refs);
  for (const name of move.finished) next.delete(name);
  for (const { name, new: id, peeled } of move.refs) {
    if (id === ZERO_ID) next.delete(name);
    else next.set(name, peeled === undefined ? { id } : { id, peeled });
  }
  next.set(toActRef(move.jti), move.act);
  return next;
}
