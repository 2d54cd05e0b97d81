import git, { type PromiseFsClient } from "isomorphic-git";
import { type ObjectStore, StorageFault } from "../../storage/ports.js";
import { GitFault } from "../git-fault.js";
import { createPackFileSystem, PACK_GIT_DIR } from "../packs/pack-file-system.js";
import { type PackIndex, parsePackIndex } from "../packs/pack-index.js";
import { type RepositoryName, toRepositoryKeys } from "../repository-key.js";
import type { GitObject } from "./object-text.js";

/** The number of indexes that are read concurrently. */
const READS = 16;
/** The maximum total size of packs in memory. A larger pack is refused. */
const PACKS_MAX_BYTES = 64 * 1024 * 1024;

/** A pack in memory. `cache` is isomorphic-git's cache, so that the index is parsed once and not for every object. */
interface HeldPack {
  readonly sizeBytes: number;
  readonly fs: PromiseFsClient;
  readonly cache: object;
}

interface Pack {
  readonly hash: string;
  readonly index: PackIndex;
  readonly indexBytes: Buffer;
}

/**
 * Reads single objects of one small repository directly from the store, for a process that has neither git nor a local folder. Packs are
 * self-contained, so each object is found through an index and read from one pack in memory.
 */
export class StoredObjects {
  /** Every listed pack by its hash. Packs never change. */
  readonly #packs = new Map<string, Pack>();
  /** The packs in memory, the least recently used first. */
  readonly #held = new Map<string, HeldPack>();
  #heldBytes = 0;

  constructor(
    private readonly store: ObjectStore,
    readonly name: RepositoryName,
  ) {}

  /**
   * Returns the object, or undefined if the store does not have it, which is decided only after listing the packs again.
   *
   * @throws GitFault if a pack is damaged or too large, StorageFault if the store does not respond.
   */
  async read(id: string): Promise<GitObject | undefined> {
    const known = this.#findPack(id);
    if (known === undefined) await this.#listPacks();
    const pack = known ?? this.#findPack(id);
    if (pack === undefined) return undefined;
    const { fs, cache } = await this.#holdPack(pack);
    const object = await git.readObject({ fs, gitdir: PACK_GIT_DIR, cache, oid: id, format: "content" }).catch((cause: unknown) => {
      throw buildDamageFault(this.#keys.pack(pack.hash), cause);
    });
    if (object.format !== "content") throw buildDamageFault(this.#keys.pack(pack.hash));
    return { type: object.type, bytes: Buffer.from(object.object) };
  }

  get #keys() {
    return toRepositoryKeys(this.name);
  }

  #findPack(id: string): Pack | undefined {
    for (const pack of this.#packs.values()) if (pack.index.has(id)) return pack;
    return undefined;
  }

  async #listPacks(): Promise<void> {
    const fresh: string[] = [];
    for await (const key of this.store.blobs.list(this.#keys.packs)) {
      const hash = /pack-([0-9a-f]{40})\.idx$/.exec(key)?.[1];
      if (hash !== undefined && !this.#packs.has(hash)) fresh.push(hash);
    }
    await Promise.all(
      Array.from({ length: READS }, async () => {
        for (let hash = fresh.pop(); hash !== undefined; hash = fresh.pop()) {
          const indexBytes = await this.#fetch(this.#keys.index(hash), hash, 40);
          this.#packs.set(hash, { hash, indexBytes, index: parsePackIndex(indexBytes) });
        }
      }),
    );
  }

  async #holdPack(pack: Pack): Promise<HeldPack> {
    const { hash } = pack;
    const held = this.#held.get(hash) ?? (await this.#fetchPack(pack));
    if (!this.#held.delete(hash)) this.#heldBytes += held.sizeBytes;
    this.#held.set(hash, held);
    for (const [oldest, { sizeBytes }] of [...this.#held].slice(0, -1)) {
      if (this.#heldBytes <= PACKS_MAX_BYTES) break;
      this.#held.delete(oldest);
      this.#heldBytes -= sizeBytes;
    }
    return held;
  }

  async #fetchPack({ hash, indexBytes }: Pack): Promise<HeldPack> {
    const key = this.#keys.pack(hash);
    const stat = await this.store.blobs.stat(key);
    if (stat !== undefined && stat.sizeBytes > PACKS_MAX_BYTES)
      throw new GitFault(
        "output_too_large",
        `${key} has more than ${PACKS_MAX_BYTES} bytes; keep the infra registry in a separate project.`,
      );
    const pack = await this.#fetch(key, hash, 20);
    return { sizeBytes: pack.length, fs: createPackFileSystem(hash, { pack, index: indexBytes }), cache: {} };
  }

  /** A pack ends with its own checksum, an index with the pack's and its own. */
  async #fetch(key: string, hash: string, fromEnd: number): Promise<Buffer> {
    const bytes = await this.store.blobs.get(key);
    if (bytes === undefined) throw new StorageFault("unavailable", key, `${key} was listed but does not exist; try again.`);
    const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    if (buffer.subarray(buffer.length - fromEnd, buffer.length - fromEnd + 20).toString("hex") !== hash) throw buildDamageFault(key);
    return buffer;
  }
}

function buildDamageFault(key: string, cause?: unknown): GitFault {
  return new GitFault("repository_invalid", `${key} is damaged. Restore the repository from a copy.`, cause);
}
