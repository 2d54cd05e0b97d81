import { buildDenial, type Denial } from "../../domain/denial.js";
import { ZERO_ID } from "../../domain/git/git-id.js";
import type { RefMove } from "../../domain/git/ref-move.js";
import { ARCHIVED_REF, findDirectoryConflict, findTwin } from "../../domain/git/ref-name.js";
import type { Refs } from "./packed-refs.js";
import { listVisibleRefs } from "./refs-state.js";

/** Returns the reason why these moves cannot start from `refs`, or undefined. */
export function checkRefMoves(refs: Refs, moves: readonly RefMove[]): Denial | undefined {
  if (refs.has(ARCHIVED_REF) && moves.some(({ name }) => name !== ARCHIVED_REF))
    return buildDenial(
      "project_archived",
      "The project is archived and cannot change. Propose to unarchive it first: ogr project unarchive PROJECT --reason WHY.",
    );
  for (const { name, old, new: next } of moves) {
    const current = refs.get(name)?.id ?? ZERO_ID;
    if (current !== old) {
      if (old === ZERO_ID && name.startsWith("refs/tags/"))
        return buildDenial("ref_exists", `${name} exists and is ${current}. Choose another tag.`);
      return buildDenial("ref_moved", `${name} is ${current} and not ${old}. Fetch, rebase or merge, and push again.`);
    }
    if (current !== ZERO_ID || next === ZERO_ID) continue;
    const names = listNamesAfter(refs, moves);
    const twin = findTwin(name, names);
    if (twin !== undefined)
      return buildDenial("ref_conflict", `${name} cannot be told apart from ${twin}, which is there already. Choose another name.`);
    const conflict = findDirectoryConflict(name, names);
    if (conflict !== undefined)
      return buildDenial("ref_conflict", `${name} conflicts with ${conflict}: one name is a directory of the other. Choose another name.`);
  }
  return undefined;
}

function listNamesAfter(refs: Refs, moves: readonly RefMove[]): ReadonlySet<string> {
  const names = new Set(refs.keys());
  for (const { name, new: next } of moves) next === ZERO_ID ? names.delete(name) : names.add(name);
  return names;
}

/** Returns the reason why a move that must leave no other branch or tag cannot start from `refs`, or undefined. */
export function checkNoOtherRefs(refs: Refs, moves: readonly RefMove[]): Denial | undefined {
  const other = listVisibleRefs(refs).find(([name]) => !moves.some((move) => move.name === name))?.[0];
  return other === undefined ? undefined : buildDenial("ref_moved", `${other} was created meanwhile. Review it and try again.`);
}
