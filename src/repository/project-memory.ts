import { BoundedSet } from "./bounded-set.js";
import { GitAnswerCache } from "./git-answer-cache.js";
import { isNotOlder, type RefsState } from "./refs/refs-state.js";

/** The `.gitattributes` of a commit: their ids by path, each byte of which is one character. */
export interface ListedAttributes {
  readonly commit: string;
  readonly files: ReadonlyMap<string, string>;
}

/** A derived object as this process saw or wrote it last. */
export interface DerivedState {
  readonly bytes: Uint8Array;
  readonly version: string;
  /** The refs of which it was made. */
  readonly from: RefsState;
}

/** What this process remembers of one repository: it only saves requests and gits, and can be forgotten whenever no act uses it. */
export class ProjectMemory {
  /** The refs as this process saw or wrote them last: where the next move starts, which the swap itself then proves. */
  latest: RefsState | undefined;
  /** What git said of objects of this repository, for the next plan of the same. */
  readonly answers = new GitAnswerCache();
  /** The `.gitattributes` of the commit that was last merged into, where they are few. */
  attributes: ListedAttributes | undefined;
  /** Derived objects by key, as this process saw or wrote them last. */
  readonly derived = new Map<string, DerivedState>();
  /** Acts whose receipts this process has seen in the store; their records in the refs can go. */
  readonly receipted = new BoundedSet();
  /** Versions of the refs whose objects are all on the disk. */
  readonly versionsOnDisk = new BoundedSet();

  /** Takes refs that were read, unless what is remembered may be newer: an own act must not disappear from it again. */
  remember(state: RefsState): void {
    if (this.latest === undefined || isNotOlder(state, this.latest)) this.latest = state;
  }

  forget(): void {
    this.latest = undefined;
    this.attributes = undefined;
    this.answers.clear();
    this.derived.clear();
    this.receipted.clear();
    this.versionsOnDisk.clear();
  }

  /** Whether there is anything to {@link forget}. */
  get isEmpty(): boolean {
    return this.latest === undefined;
  }
}
