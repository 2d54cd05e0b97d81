import { open } from "node:fs/promises";
import type { Outcome } from "../domain/denial.js";
import type { ObjectStore } from "../storage/ports.js";
import { settled } from "./create-repository.js";
import { type Move, type Moved, moveRefs } from "./move-refs.js";
import type { ObjectReader } from "./object-reader.js";
import type { PackIndex } from "./pack-index.js";
import type { ProjectCache } from "./project-cache.js";
import type { RefsState } from "./refs-state.js";
import { type RepositoryName, repositoryKeys } from "./repository-key.js";
import type { Scratch } from "./scratch.js";
import { type GitAnswer, type GitCall, gitFailed, type StockGit } from "./stock-git.js";

/** A checked pack in the scratch repository; complete, named by its own checksum. */
export interface CheckedPack {
  readonly hash: string;
  readonly packPath: string;
  readonly indexPath: string;
  readonly pack_bytes: number;
  readonly index_bytes: number;
  readonly index: PackIndex;
  /** The files' bytes when they are few: they are needed more than once. */
  readonly bytes: { readonly pack: Buffer; readonly index: Buffer } | undefined;
}

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

  /**
   * Uploads a pack before any ref needs it, and takes it into the cache; how many bytes that is. A pack that exists is the same one. The
   * cache trusts what it has after a power failure too, so the files are flushed meanwhile.
   */
  async storePack(pack: CheckedPack, signal: AbortSignal): Promise<number> {
    signal.throwIfAborted();
    const keys = repositoryKeys(this.name);
    await Promise.all([
      this.#upload(keys.pack(pack.hash), pack.bytes?.pack ?? pack.packPath, pack.pack_bytes),
      this.#upload(keys.index(pack.hash), pack.bytes?.index ?? pack.indexPath, pack.index_bytes),
      flush(pack.packPath),
      flush(pack.indexPath),
    ]);
    await this.cache.adopt(pack.hash, pack.packPath, pack.indexPath, pack.pack_bytes);
    return pack.pack_bytes + pack.index_bytes;
  }

  /** As moveRefs. The acts of this process take turns, so that they do not lose swaps to each other. */
  async moveRefs(move: Move, signal: AbortSignal): Promise<Outcome<Moved>> {
    return this.cache.moves.run(async () => {
      const moved = await moveRefs(this.store, this.name, move, this.cache.memory.latest ?? this.state, signal);
      if (!moved.ok) return moved;
      const { state, from } = moved.value;
      if (from === undefined) this.cache.memory.remember(state);
      else this.cache.memory.latest = state;
      // Only what follows from a version whose objects are here has its own objects here.
      if (from !== undefined && this.cache.memory.knows(from)) this.cache.memory.learn(state.version);
      return moved;
    });
  }

  async close(): Promise<void> {
    try {
      if (this.#scratch !== undefined) this.cache.returnScratch(this.#scratch);
    } finally {
      await this.release();
    }
  }

  async #upload(key: string, source: Buffer | string, size_bytes: number): Promise<void> {
    const { blobs } = this.store;
    await settled(
      () => (typeof source === "string" ? blobs.createFromFile(key, source) : blobs.create(key, source)),
      async () => (await blobs.stat(key))?.size_bytes === size_bytes,
    );
  }
}

async function flush(path: string): Promise<void> {
  const file = await open(path, "r");
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}
