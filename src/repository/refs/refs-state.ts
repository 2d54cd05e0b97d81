import { ENDED_ACT_REFS } from "../../domain/git/ref-name.js";
import type { ObjectStore } from "../../storage/ports.js";
import { type RepositoryName, toRepositoryKeys } from "../repository-key.js";
import { parsePackedRefs, type Refs } from "./packed-refs.js";

/** The refs of a repository at one version of their pointer. */
export interface RefsState {
  readonly version: string;
  readonly refs: Refs;
  /**
   * When the request was sent and when the response had arrived, by this process's clock. The state was current at some instant in
   * between.
   */
  readonly askedAtMs: number;
  readonly answeredAtMs: number;
}

/** Returns whether `state` is certainly no older than `other`. False for two states read at the same time. */
export function isNotOlder(state: RefsState, other: RefsState): boolean {
  return state.version === other.version || state.askedAtMs >= other.answeredAtMs;
}

/** Reads the current refs. Returns undefined if there is no such repository. */
export async function readRefs(store: ObjectStore, name: RepositoryName): Promise<RefsState | undefined> {
  const state = await readStoredRefs(store, name);
  return state !== undefined && isRegistered(state.refs) ? state : undefined;
}

/** Reads the refs object, which exists without a repository if the act that would have registered it was recorded as ended. */
export async function readStoredRefs(store: ObjectStore, name: RepositoryName): Promise<RefsState | undefined> {
  const askedAtMs = performance.now();
  const read = await store.pointers.read(toRepositoryKeys(name).packedRefs);
  return read === undefined
    ? undefined
    : { version: read.version, refs: parsePackedRefs(read.bytes), askedAtMs, answeredAtMs: performance.now() };
}

/** Returns whether an act registered the repository: the refs hold more than records of ended acts. */
export function isRegistered(refs: Refs): boolean {
  return [...refs.keys()].some((name) => !name.startsWith(ENDED_ACT_REFS));
}

/** Lists the refs that clients see: all except the registry's own. */
export function listVisibleRefs(refs: Refs): [name: string, target: { id: string; peeled?: string }][] {
  return [...refs].filter(([name]) => !name.startsWith("refs/ubl/"));
}
