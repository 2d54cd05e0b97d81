import type { Making } from "../objects/making.js";
import type { CheckedPack } from "../packs/checked-pack.js";
import type { IncomingBytes } from "./incoming-bytes.js";

/** A commit created by applying a patch. Its id, its signature and the registry's dates depend on the permit's `iat`; nothing else does. */
export interface CreatedCommit {
  readonly id: string;
  readonly tree: string;
  readonly author: string;
  readonly author_email: string;
  /** Undefined if the date is the permit's. */
  readonly authored_at_ms: number | undefined;
  readonly message: string;
}

export interface IngestedPush {
  readonly tip: string;
  /** Undefined if the repository already has every object. */
  readonly pack: CheckedPack | undefined;
  /** Oldest first. Empty for a bundle, which has its own commits. */
  readonly created: readonly CreatedCommit[];
}

export interface IngestRequest {
  readonly incoming: IncomingBytes;
  /** The commit that the branch points to, or zeros for a new branch. */
  readonly old: string;
  readonly commit_summary: string;
  readonly making: Making;
  readonly force: boolean;
}
