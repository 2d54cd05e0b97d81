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
  /** The maximum size of packs that stay on disk while no act uses them. */
  readonly cacheMaxBytes: number;
  /** The maximum number of reader processes that stay open while no act uses them. */
  readonly readersMaxCount: number;
  /** The number of projects whose refs and derived objects stay in memory. A project of 5,000 refs takes about 2 MiB. */
  readonly rememberedMaxCount: number;
}

const DEFAULTS: RepositoriesOptions = { cacheMaxBytes: 4 * 1024 ** 3, readersMaxCount: 32, rememberedMaxCount: 256 };

/**
 * Opens the repositories of one tenant for its acts. The store is authoritative; `scopeFolder` contains a bounded cache of immutable
 * packs and one scratch repository per running act, and can be deleted at any time. Source: design "Git on the object store".
 */
export class Repositories {
  readonly scope: Scope;
  readonly git: StockGit;
  readonly #getOptions: () => RepositoriesOptions;
  readonly #caches = new Map<string, ProjectCache>();
  #ready: Promise<void> | undefined;

  /** @param options a function if they change, as a share of a total does */
  constructor(scopeFolder: string, options: Partial<RepositoriesOptions> | (() => RepositoriesOptions) = {}) {
    this.#getOptions = typeof options === "function" ? options : () => ({ ...DEFAULTS, ...options });
    this.scope = new Scope(scopeFolder);
    this.git = new StockGit(this.scope);
  }

  /** Checks that git is installed and recent enough, and removes the folders of dead processes. The first `open` calls it too. */
  ensureReady(): Promise<void> {
    this.#ready ??= this.#prepare();
    return this.#ready;
  }

  /**
   * Opens a repository with every object of its refs on the local disk. Returns undefined if the store has no such repository. With a
   * warm cache this costs one small read, or none if `recall` accepts the refs that this process remembers. Must be closed when the act
   * ends.
   */
  async open(
    store: ObjectStore,
    name: RepositoryName,
    signal: AbortSignal,
    recall: (remembered: RefsState) => boolean = () => false,
  ): Promise<OpenRepository | undefined> {
    await this.ensureReady();
    const remembered = this.#caches.get(toCacheId(name))?.memory.latest;
    const state = remembered !== undefined && recall(remembered) ? remembered : await readRefs(store, name);
    if (state === undefined) return undefined;
    const cache = this.#findOrCreateCache(name);
    cache.users += 1;
    cache.memory.remember(state);
    try {
      await cache.sync(store, state, signal);
      await this.#limitReaders(cache);
    } catch (error) {
      cache.users -= 1;
      throw error;
    }
    return new OpenRepository(store, name, state, cache, signal, () => this.#release(cache));
  }

  /** Records that an act's receipt is in the store, which saves a request. */
  recordReceipt(name: RepositoryName, jti: string): void {
    this.#caches.get(toCacheId(name))?.memory.receipted.add(jti);
  }

  /** Ends every process that this object started. */
  async close(): Promise<void> {
    await Promise.all([...this.#caches.values()].map((cache) => cache.close()));
    this.git.close();
  }

  async #prepare(): Promise<void> {
    await this.git.requireVersion();
    removeLeftovers(this.scope);
    const folder = this.scope.createFolder("cache");
    for (const tenant of await readdir(folder)) {
      if (tenant.startsWith(".trash-")) {
        await rm(this.scope.resolvePath("cache", tenant), { recursive: true, force: true });
        continue;
      }
      for (const project of await readdir(this.scope.resolvePath("cache", tenant))) {
        const cache = this.#findOrCreateCache({ tenant_id: tenant, project_id: project.replace(/\.git$/, "") });
        await cache.measure();
      }
    }
  }

  #findOrCreateCache(name: RepositoryName): ProjectCache {
    const id = toCacheId(name);
    const known = this.#caches.get(id);
    if (known !== undefined) return known;
    const cache = new ProjectCache(name, this.git);
    this.#caches.set(id, cache);
    return cache;
  }

  async #release(cache: ProjectCache): Promise<void> {
    cache.lastUsedMs = performance.now();
    try {
      await cache.indexPacks();
    } finally {
      cache.users -= 1;
      if (cache.users === 0) await cache.reader.closeStale();
      await this.#evict();
      await this.#forget();
    }
  }

  /** Deletes the least recently used caches until the rest fits, except those that an act is using. */
  async #evict(): Promise<void> {
    let total = 0;
    for (const cache of this.#caches.values()) total += cache.sizeBytes;
    const { cacheMaxBytes } = this.#getOptions();
    if (total <= cacheMaxBytes) return;
    for (const cache of [...this.#caches.values()].sort((a, b) => a.lastUsedMs - b.lastUsedMs)) {
      if (total <= cacheMaxBytes) return;
      if (cache.users > 0) continue;
      total -= cache.sizeBytes;
      await cache.evict();
    }
  }

  async #forget(): Promise<void> {
    const remembering = [...this.#caches.values()].filter((cache) => !cache.memory.isEmpty);
    const tooMany = remembering.length - this.#getOptions().rememberedMaxCount;
    if (tooMany <= 0) return;
    const idle = remembering.filter((cache) => cache.users === 0).sort((a, b) => a.lastUsedMs - b.lastUsedMs);
    for (const cache of idle.slice(0, tooMany)) if (cache.users === 0) await cache.forget();
  }

  async #limitReaders(newest: ProjectCache): Promise<void> {
    const open = [...this.#caches.values()].filter((cache) => cache.reader.isOpen && cache !== newest && cache.users === 0);
    const tooMany = open
      .sort((a, b) => a.lastUsedMs - b.lastUsedMs)
      .slice(0, Math.max(0, open.length - this.#getOptions().readersMaxCount + 1));
    await Promise.all(tooMany.map((cache) => cache.reader.close()));
  }
}

function toCacheId({ tenant_id, project_id }: RepositoryName): string {
  return `${tenant_id}/${project_id}`;
}
