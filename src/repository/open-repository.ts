import type { ObjectStore } from "../storage/ports.js";
import { GitFault } from "./git-fault.js";
import type { ObjectReader } from "./objects/object-reader.js";
import type { ProjectCache } from "./project-cache.js";
import type { RefsState } from "./refs/refs-state.js";
import type { RepositoryName } from "./repository-key.js";
import type { Scratch } from "./scratch.js";
import { type GitAnswer, type GitCall, type StockGit, toGitFault } from "./stock-git/stock-git.js";

/** A call of git for an act. The repository and the signal are the act's. */
export type ActCall = Omit<GitCall, "gitDir" | "signal">;

/** A repository as one act sees it. Every object that its refs reach is on the local disk until `close`. */
export class OpenRepository {
  #scratch: Scratch | undefined;

  constructor(
    readonly store: ObjectStore,
    readonly name: RepositoryName,
    /** The refs when it was opened. */
    readonly state: RefsState,
    readonly cache: ProjectCache,
    /** Stops the act and every git that it runs. */
    readonly signal: AbortSignal,
    private readonly release: () => Promise<void>,
  ) {}

  get git(): StockGit {
    return this.cache.git;
  }

  /** Returns the reader of the objects that the store has. */
  getReader(): ObjectReader {
    return this.cache.reader.get();
  }

  /** Returns the act's own repository, created on first use. */
  getScratch(): Scratch {
    this.#scratch ??= this.cache.takeScratch();
    return this.#scratch;
  }

  /** Runs git in the act's scratch repository. Returns its answer with any exit code. */
  runGit(call: ActCall): Promise<GitAnswer> {
    return this.git.run({ ...call, gitDir: this.getScratch().gitDir, signal: this.signal });
  }

  /**
   * Like {@link runGit}, for calls that fail only by a fault.
   *
   * @throws GitFault `git_failed`
   */
  async readGitOutput(call: ActCall): Promise<Buffer> {
    return requireSuccess(call, await this.runGit(call));
  }

  /** Like {@link runGit}, but returns undefined if git wrote more than `outputMaxBytes`. */
  async runGitWithinOutput(call: ActCall): Promise<GitAnswer | undefined> {
    try {
      return await this.runGit(call);
    } catch (error) {
      if (error instanceof GitFault && error.code === "output_too_large") return undefined;
      throw error;
    }
  }

  /** Like {@link runGit}, but caches the answer. The `args` must name objects by id alone, so that the answer never changes. */
  askGit(call: Omit<ActCall, "input" | "env">): Promise<GitAnswer> {
    return this.cache.memory.answers.findOrAsk(call.args, () => this.runGit(call));
  }

  /**
   * Like {@link askGit}, for calls that fail only by a fault.
   *
   * @throws GitFault `git_failed`
   */
  async askGitForOutput(call: Omit<ActCall, "input" | "env">): Promise<Buffer> {
    return requireSuccess(call, await this.askGit(call));
  }

  async close(): Promise<void> {
    try {
      if (this.#scratch !== undefined) this.cache.returnScratch(this.#scratch);
    } finally {
      await this.release();
    }
  }
}

function requireSuccess(call: ActCall, answer: GitAnswer): Buffer {
  if (answer.code !== 0) throw toGitFault(call, answer);
  return answer.stdout;
}
