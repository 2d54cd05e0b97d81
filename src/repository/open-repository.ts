import type { ObjectStore } from "../storage/ports.js";
import type { ObjectReader } from "./objects/object-reader.js";
import type { ProjectCache } from "./project-cache.js";
import type { RefsState } from "./refs/refs-state.js";
import type { RepositoryName } from "./repository-key.js";
import type { Scratch } from "./scratch.js";
import { type GitAnswer, type GitCall, type StockGit, toGitFault } from "./stock-git/stock-git.js";

/** A repository as one act sees it. Every object that its refs reach is on the local disk until `close`. */
export class OpenRepository {
  #scratch: Scratch | undefined;

  constructor(
    readonly store: ObjectStore,
    readonly name: RepositoryName,
    /** The refs when it was opened. */
    readonly state: RefsState,
    readonly cache: ProjectCache,
    private readonly release: () => Promise<void>,
  ) {}

  get git(): StockGit {
    return this.cache.git;
  }

  /** Reads the objects that the store has. */
  getReader(): ObjectReader {
    return this.cache.getReader();
  }

  /** The act's own repository, made on first use. */
  getScratch(): Scratch {
    this.#scratch ??= this.cache.takeScratch();
    return this.#scratch;
  }

  /** git's answer with any exit code. The `args` must name objects by id alone, so that the answer never changes. */
  askGit(call: Omit<GitCall, "gitDir" | "input" | "env">): Promise<GitAnswer> {
    return this.cache.memory.answers.findOrAsk(call.args, () => this.git.run({ ...call, gitDir: this.getScratch().gitDir }));
  }

  /** As {@link askGit}, for calls that only fail by a fault. @throws GitFault `git_failed`. */
  async askGitForOutput(call: Omit<GitCall, "gitDir" | "input" | "env">): Promise<Buffer> {
    const answer = await this.askGit(call);
    if (answer.code !== 0) throw toGitFault(call, answer);
    return answer.stdout;
  }

  async close(): Promise<void> {
    try {
      if (this.#scratch !== undefined) this.cache.returnScratch(this.#scratch);
    } finally {
      await this.release();
    }
  }
}
