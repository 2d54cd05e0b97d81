import type { ObjectStore } from "../storage/ports.js";
import type { ObjectReader } from "./objects/object-reader.js";
import type { ProjectCache } from "./project-cache.js";
import type { RefsState } from "./refs/refs-state.js";
import type { RepositoryName } from "./repository-key.js";
import type { Scratch } from "./scratch.js";
import { type GitAnswer, type GitCall, gitFailed, type StockGit } from "./stock-git/stock-git.js";

/** A repository as one act sees it, with every object of its refs on the local disk until `close`. */
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
  reader(): ObjectReader {
    return this.cache.reader();
  }

  /** The act's own repository, made when it is first needed. */
  scratch(): Scratch {
    this.#scratch ??= this.cache.takeScratch();
    return this.#scratch;
  }

  /** git's answer, whatever its exit code, to a question whose `args` name objects by id alone, so that it never changes. */
  ask(call: Omit<GitCall, "gitDir" | "input" | "env">): Promise<GitAnswer> {
    return this.cache.memory.answers.to(call.args, () => this.git.run({ ...call, gitDir: this.scratch().gitDir }));
  }

  /** As {@link ask}, where only a fault can make git fail. @throws GitFault `git_failed`. */
  async askFor(call: Omit<GitCall, "gitDir" | "input" | "env">): Promise<Buffer> {
    const answer = await this.ask(call);
    if (answer.code !== 0) throw gitFailed(call, answer);
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
