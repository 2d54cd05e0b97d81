import { EMPTY_TREE } from "../../domain/git/git-id.js";
import { LAST_ACT_REFS, PREVIOUS_ACT_REFS, toActRef, toLastActRef, toPreviousActRef } from "../../domain/git/ref-name.js";
import type { Refs, RefTarget } from "./packed-refs.js";

/** Returns the act that last wrote the refs, or null if none has. */
export function findLastAct(refs: Refs): string | null {
  return findSuffix(refs, LAST_ACT_REFS);
}

/** Returns the act that wrote the refs before the recorded act `jti`, or null if that is the first one. */
export function findPreviousAct(refs: Refs, jti: string): string | null {
  return findSuffix(refs, toPreviousActRef(jti, ""));
}

/**
 * Records in `refs` that the act `jti` writes them, and which act it follows. Returns the act that it follows. What earlier acts followed
 * is removed with their records. Source: contracts "Decided twice".
 */
export function recordAct(refs: Map<string, RefTarget>, jti: string, target: RefTarget): string | null {
  const previous = findLastAct(refs);
  for (const name of refs.keys()) if (isLeftover(refs, name)) refs.delete(name);
  if (previous !== null) {
    refs.delete(toLastActRef(previous));
    refs.set(toPreviousActRef(jti, previous), { id: EMPTY_TREE });
  }
  refs.set(toActRef(jti), target);
  refs.set(toLastActRef(jti), { id: EMPTY_TREE });
  return previous;
}

/** Returns whether a ref names the act before one that is no longer recorded. */
function isLeftover(refs: Refs, name: string): boolean {
  if (!name.startsWith(PREVIOUS_ACT_REFS)) return false;
  const [jti = ""] = name.slice(PREVIOUS_ACT_REFS.length).split("/");
  return !refs.has(toActRef(jti));
}

function findSuffix(refs: Refs, prefix: string): string | null {
  for (const name of refs.keys()) if (name.startsWith(prefix)) return name.slice(prefix.length);
  return null;
}
