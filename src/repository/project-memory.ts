import { GitAnswerCache } from "./git-answer-cache.js";
import { isNotOlder, type RefsState } from "./refs/refs-state.js";

/** The `.gitattributes` of a commit: their ids by path. Each character of a path is one byte. */
export interface ListedAttributes {
  readonly commit: string;
  readonly files: ReadonlyMap<string, string>;
}

/** A derived object as this process last read or wrote it. */
export interface DerivedState {
  readonly bytes: Uint8Array;
  readonly version: string;
  /** The refs from which it was derived. */
  readonly from: RefsState;
}

/** What this process remembers of one repository. It only saves requests and git processes, and can be dropped whenever no act uses it. */
export class ProjectMemory {
  /** The refs as this process last read or wrote them. The next move starts from them, and its swap proves that they are current. */
  latest: RefsState | undefined;
  /** git's answers about objects of this repository, for the next plan of the same act. */
  readonly answers = new GitAnswerCache();
  /** The `.gitattributes` of the commit that was last merged into, if there are few. */
  attributes: ListedAttributes | undefined;
  /** Derived objects by key, as this process last read or wrote them. */
  readonly derived = new Map<string, DerivedState>();
  /** Acts whose receipts this process has seen in the store. Their records in the refs can be removed. */
  readonly receipted = new BoundedSet();
  /** Versions of the refs whose objects are all on the disk. */
  readonly versionsOnDisk = new BoundedSet();

  /** Stores refs that were read, unless the remembered ones may be newer, so that an own act does not disappear from them again. */
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

const MEMBERS_MAX = 512;

/** A set of at most 512 members, which drops the oldest member above that. */
class BoundedSet extends Set<string> {
  override add(member: string): this {
    super.add(member);
    const [oldest] = this;
    if (this.size > MEMBERS_MAX && oldest !== undefined) this.delete(oldest);
    return this;
  }
}
