import { readdir, rm } from "node:fs/promises";
import type { ObjectStore } from "../storage/ports.js";
import { OpenRepository } from "./open-repository.js";
import { ProjectCache } from "./project-cache.js";
import { type RefsState, readRefs } from "./refs/refs-state.js";
import type { RepositoryName } from "./repository-key.js";
import { Scope } from "./scope.js";
import { removeLeftovers } from "./scratch.js";
import { StockGit } from "./stock-git/stock-git.js";

export interface RepositoriesOptions {
  /** How many bytes of packs may stay on the disk while no act uses them. */
  readonly cache_max_bytes: number;
  /** The readers that stay open while no act uses them, one process each. */
  readonly readers_max_count: number;
  /** The projects of which refs and derived objects stay in memory; one of 5,000 refs takes about 2 MiB. */
  readonly remembered_max_count: number;
}

const DEFAULTS: RepositoriesOptions = { cache_max_bytes: 4 * 1024 ** 3, readers_max_count: 32, remembered_max_count: 256 };

/**
 * The repositories of one tenant as its acts open them: the store holds the truth, `scopeFolder` a bounded cache of immutable packs
 * and one scratch repository for each act under way. The folder can be deleted at any time. Source: design "Git on the object store".
 */
export class Repositories {
  readonly scope: Scope;
  readonly git: StockGit;
  readonly #options: RepositoriesOptions;
  readonly #caches = new Map<string, ProjectCache>();
  #ready: Promise<void> | undefined;

  constructor(scopeFolder: string, options: Partial<RepositoriesOptions> = {}) {
    this.#options = { ...DEFAULTS, ...options };
    this.scope = new Scope(scopeFolder);
    this.git = new StockGit(this.scope);
  }

  /** Proves that git is there and new enough, and removes what dead processes left. Called by the first `open` too. */
  ready(): Promise<void> {
    this.#ready ??= this.#prepare();
    return this.#ready;
  }

  /**
   * The repository with every object of its refs on the local disk, or undefined when the store has none. Warm, it costs one small
   * read; none where `recall` accepts the refs that this process remembers. `close` it when the act ends.
   */
  async open(
    store: ObjectStore,
    name: RepositoryName,
    signal: AbortSignal,
    recall: (remembered: RefsState) => boolean = () => false,
  ): Promise<OpenRepository | undefined> {
    await this.ready();
    const remembered = this.#caches.get(idOf(name))?.memory.latest;
    const state = remembered !== undefined && recall(remembered) ? remembered : await readRefs(store, name);
    if (state === undefined) return undefined;
    const cache = this.#cache(name);
    cache.users += 1;
    cache.memory.remember(state);
    try {
      await cache.sync(store, state, signal);
      await this.#boundReaders(cache);
    } catch (error) {
      cache.users -= 1;
      throw error;
    }
    return new OpenRepository(store, name, state, cache, () => this.#release(cache));
  }

  /** Says that an act's receipt is in the store, so that nobody needs to look. */
  noteReceipt(name: RepositoryName, jti: string): void {
    this.#caches.get(idOf(name))?.memory.noteReceipt(jti);
  }

  /** Ends every process that it started. */
  async close(): Promise<void> {
    await Promise.all([...this.#caches.values()].map((cache) => cache.close()));
    this.git.close();
  }

  async #prepare(): Promise<void> {
    await this.git.requireVersion();
    removeLeftovers(this.scope);
    const folder = this.scope.folder("cache");
    for (const tenant of await readdir(folder)) {
      if (tenant.startsWith(".trash-")) {
        await rm(this.scope.path("cache", tenant), { recursive: true, force: true });
        continue;
      }
      for (const project of await readdir(this.scope.path("cache", tenant))) {
        const cache = this.#cache({ tenant_id: tenant, project_id: project.replace(/\.git$/, "") });
        await cache.measure();
      }
    }
  }

  #cache(name: RepositoryName): ProjectCache {
    const id = idOf(name);
    const known = this.#caches.get(id);
    if (known !== undefined) return known;
    const cache = new ProjectCache(name, this.git);
    this.#caches.set(id, cache);
    return cache;
  }

  async #release(cache: ProjectCache): Promise<void> {
    cache.last_used = performance.now();
    try {
      await cache.indexPacks();
    } finally {
      cache.users -= 1;
      if (cache.users === 0) await cache.closeStaleReader();
      await this.#evict();
      await this.#forget();
    }
  }

  /** Deletes the caches that were unused for longest until the rest fits; never one that an act is using. */
  async #evict(): Promise<void> {
    let total = 0;
    for (const cache of this.#caches.values()) total += cache.size_bytes;
    if (total <= this.#options.cache_max_bytes) return;
    for (const cache of [...this.#caches.values()].sort((a, b) => a.last_used - b.last_used)) {
      if (total <= this.#options.cache_max_bytes) return;
      if (cache.users > 0) continue;
      total -= cache.size_bytes;
      await cache.evict();
    }
  }

  async #forget(): Promise<void> {
    const remembering = [...this.#caches.values()].filter((cache) => !cache.memory.isEmpty);
    const tooMany = remembering.length - this.#options.remembered_max_count;
    if (tooMany <= 0) return;
    const idle = remembering.filter((cache) => cache.users === 0).sort((a, b) => a.last_used - b.last_used);
    for (const cache of idle.slice(0, tooMany)) if (cache.users === 0) await cache.forget();
  }

  async #boundReaders(newest: ProjectCache): Promise<void> {
    const open = [...this.#caches.values()].filter((cache) => cache.hasReader && cache !== newest && cache.users === 0);
    const tooMany = open.sort((a, b) => a.last_used - b.last_used).slice(0, Math.max(0, open.length - this.#options.readers_max_count + 1));
    await Promise.all(tooMany.map((cache) => cache.closeReader()));
  }
}

function idOf({ tenant_id, project_id }: RepositoryName): string {
  return `${tenant_id}/${project_id}`;
}
