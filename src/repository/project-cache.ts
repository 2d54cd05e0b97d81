import { randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readdir, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { SerialQueue } from "../domain/serial-queue.js";
import { ignoreAbsence } from "../process/durable-file.js";
import { countCacheLookup } from "../process/metrics/lab512.js";
import type { ObjectStore } from "../storage/ports.js";
import { PersistentReader } from "./objects/persistent-reader.js";
import { assertListed } from "./packs/assert-listed.js";
import { downloadPacks, toPackPath } from "./packs/download-packs.js";
import { ProjectMemory } from "./project-memory.js";
import type { RefsState } from "./refs/refs-state.js";
import { type RepositoryName, toRepositoryKeys } from "./repository-key.js";
import type { Scope } from "./scope.js";
import { createScratch, type Scratch } from "./scratch.js";
import type { StockGit } from "./stock-git/stock-git.js";

const IDLE_SCRATCHES_MAX = 4;
/** After this many new packs, the cache gets one index over all of them; without it, every git opens each pack's own index. */
const PACKS_WITHOUT_INDEX_MAX = 48;

/**
 * The packs of one repository on the local disk. They are copies of immutable objects, so any of them can be deleted at any time. The
 * folder contains only complete packs of the store. Each was checked before it was stored, so everything that an object in the folder
 * links to is also in the folder.
 */
export class ProjectCache {
  readonly #folderQueue = new SerialQueue();
  /** Serialises the ref moves of this process's acts. */
  readonly moveQueue = new SerialQueue();
  readonly memory = new ProjectMemory();
  readonly #packs = new Set<string>();
  /** The size of all packs, summed as they are added, because every act reads it and a project can have thousands of packs. */
  #sizeBytes = 0;
  #folderStamp = "";
  #unindexed = 0;
  readonly reader: PersistentReader;
  readonly #idleScratches: Scratch[] = [];
  users = 0;
  lastUsedMs = 0;

  constructor(
    readonly name: RepositoryName,
    readonly git: StockGit,
  ) {
    this.reader = new PersistentReader(git.scope, () => this.folder);
  }

  get folder(): string {
    return this.#scope.resolvePath("cache", this.name.tenant_id, `${this.name.project_id}.git`);
  }

  get objects(): string {
    return join(this.folder, "objects");
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  get #scope(): Scope {
    return this.git.scope;
  }

  get #packFolder(): string {
    return join(this.objects, "pack");
  }

  /** Ensures that every object of these refs is on disk. Costs nothing if it already is and nothing else changed the folder. */
  async sync(store: ObjectStore, state: RefsState, signal: AbortSignal): Promise<void> {
    const isHere = this.memory.versionsOnDisk.has(state.version) && this.#folderStamp === (await this.#readStamp());
    countCacheLookup(isHere ? "hit" : "miss");
    if (isHere) return;
    await this.#folderQueue.run(async () => {
      if (this.memory.versionsOnDisk.has(state.version) && this.#folderStamp === (await this.#readStamp())) return;
      await this.#download(store, signal);
      await assertListed(this.reader.get(), state.refs, toRepositoryKeys(this.name).packs);
      this.memory.versionsOnDisk.add(state.version);
    });
  }

  /** Moves a pack that is now in the store here from the scratch repository that created it. */
  async adoptPack(hash: string, pack: string, index: string, sizeBytes: number): Promise<void> {
    await this.#folderQueue.run(async () => {
      if (this.#packs.has(hash)) return;
      const isUntouched = this.#folderStamp === (await this.#readStamp());
      await rename(pack, this.#toPackPath(hash, "pack"));
      await rename(index, this.#toPackPath(hash, "idx"));
      this.#packs.add(hash);
      this.#sizeBytes += sizeBytes;
      this.#unindexed += 1;
      // A change to the folder by another process must still be detected.
      if (isUntouched) this.#folderStamp = await this.#readStamp();
    });
  }

  /**
   * Returns a scratch repository for one act: a new one, or one that an act left empty. Creating folders takes longer than everything
   * else in a small push.
   */
  takeScratch(): Scratch {
    const idle = this.#idleScratches.pop();
    return idle !== undefined && existsSync(idle.gitDir) ? idle : createScratch(this.#scope, this.objects);
  }

  returnScratch(scratch: Scratch): void {
    if (this.#idleScratches.length < IDLE_SCRATCHES_MAX && existsSync(scratch.gitDir) && scratch.isEmpty())
      this.#idleScratches.push(scratch);
    else scratch.remove();
  }

  /** Drops what is remembered only to save requests; the packs stay. Must be called only while no act uses the cache. */
  async forget(): Promise<void> {
    this.memory.forget();
    await this.close();
  }

  /** Ends the reader process and removes the unused scratch folders. */
  async close(): Promise<void> {
    for (const scratch of this.#idleScratches.splice(0)) scratch.remove();
    await this.reader.close();
  }

  /** Writes one index over all packs, so that the thousandth push is as fast as the first. */
  async indexPacks(): Promise<void> {
    if (this.#unindexed < PACKS_WITHOUT_INDEX_MAX) return;
    await this.#folderQueue.run(async () => {
      this.#unindexed = 0;
      const isUntouched = this.#folderStamp === (await this.#readStamp());
      await this.git.readOutput({ gitDir: this.folder, args: ["multi-pack-index", "write", "--no-progress"] });
      this.reader.markPacksIndexed();
      if (isUntouched) this.#folderStamp = await this.#readStamp();
    });
  }

  /** Deletes the folder unless an act uses it. An act that opens it meanwhile waits and then starts with an empty cache. */
  async evict(): Promise<void> {
    await this.#folderQueue.run(async () => {
      if (this.users > 0) return;
      this.memory.versionsOnDisk.clear();
      this.#packs.clear();
      this.#sizeBytes = 0;
      this.#folderStamp = "";
      await this.#forgetPacks();
      await this.close();
      const trash = this.#scope.resolvePath("cache", `.trash-${randomUUID()}`);
      // Renamed first, so that no process ever sees a partial cache.
      await rename(this.folder, trash).catch(ignoreAbsence);
      await rm(trash, { recursive: true, force: true });
    });
  }

  /** Counts the packs that an earlier process left here, so that they can be evicted before an act opens the cache. */
  async measure(): Promise<void> {
    for (const file of (await readdir(this.#packFolder).catch(ignoreAbsence)) ?? []) {
      const hash = /^pack-([0-9a-f]{40})\.pack$/.exec(file)?.[1];
      if (hash !== undefined) await this.#count(hash);
    }
  }

  async #download(store: ObjectStore, signal: AbortSignal): Promise<void> {
    await this.#prepareFolder();
    const { hashes, hasIndex } = await downloadPacks(store, this.name, this.#packFolder, signal, () => this.#forgetPacks());
    const present = new Set(hashes);
    // The folder was deleted by another process, or the store was restored.
    if ([...this.#packs].some((hash) => !present.has(hash))) await this.#forgetPacks();
    this.#packs.clear();
    this.#sizeBytes = 0;
    for (const hash of hashes) await this.#count(hash);
    this.#unindexed = hasIndex ? this.#unindexed : hashes.length;
    this.#folderStamp = await this.#readStamp();
  }

  /** Removes all packs from memory and cached state, because none of their objects can be relied on any more. */
  #forgetPacks(): Promise<void> {
    this.memory.attributes = undefined;
    return this.reader.close();
  }

  async #count(hash: string): Promise<void> {
    const { size } = await stat(this.#toPackPath(hash, "pack"));
    this.#packs.add(hash);
    this.#sizeBytes += size;
  }

  async #prepareFolder(): Promise<void> {
    const folder = this.#scope.createFolder("cache", this.name.tenant_id, `${this.name.project_id}.git`);
    await mkdir(this.#packFolder, { recursive: true });
    await mkdir(join(folder, "refs"), { recursive: true });
    await writeFile(join(folder, "HEAD"), "ref: refs/heads/main\n");
  }

  /** Returns a stamp that changes whenever a file in the folder of packs is added or removed. */
  async #readStamp(): Promise<string> {
    const found = await stat(this.#packFolder, { bigint: true }).catch(ignoreAbsence);
    return found === undefined ? "absent" : `${found.ino}:${found.mtimeNs}`;
  }

  #toPackPath(hash: string, extension: "pack" | "idx"): string {
    return toPackPath(this.#packFolder, hash, extension);
  }
}
