import { randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readdir, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
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
import { SerialQueue } from "./serial-queue.js";
import type { StockGit } from "./stock-git/stock-git.js";

const IDLE_SCRATCHES_MAX = 4;
/** After so many new packs the cache gets one index over all of them; without it every git opens each pack's own. */
const PACKS_WITHOUT_INDEX_MAX = 48;

/**
 * The packs of one repository on the local disk. They are copies of immutable objects, so any of them may be deleted at any time. The
 * folder holds complete packs of the store and nothing else; each was checked before it was stored, so every object in it has
 * everything that it links to.
 */
export class ProjectCache {
  readonly #folderQueue = new SerialQueue();
  /** Orders the moves of refs that the acts of this process make. */
  readonly moveQueue = new SerialQueue();
  readonly memory = new ProjectMemory();
  readonly #packs = new Set<string>();
  /** Of all packs. Added up as they come: every act asks for it, and its project may have thousands. */
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

  /** Makes sure that every object of these refs is here: free when it already was and nobody touched the folder. */
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

  /** Takes a pack that the store has, from the scratch repository that made it. */
  async adoptPack(hash: string, pack: string, index: string, sizeBytes: number): Promise<void> {
    await this.#folderQueue.run(async () => {
      if (this.#packs.has(hash)) return;
      const untouched = this.#folderStamp === (await this.#readStamp());
      await rename(pack, this.#toPackPath(hash, "pack"));
      await rename(index, this.#toPackPath(hash, "idx"));
      this.#packs.add(hash);
      this.#sizeBytes += sizeBytes;
      this.#unindexed += 1;
      // What somebody else did to the folder meanwhile must still be noticed.
      if (untouched) this.#folderStamp = await this.#readStamp();
    });
  }

  /** A scratch repository for one act: a new one, or one that an act left empty. Making folders costs more than all else in a small push. */
  takeScratch(): Scratch {
    const idle = this.#idleScratches.pop();
    return idle !== undefined && existsSync(idle.gitDir) ? idle : createScratch(this.#scope, this.objects);
  }

  returnScratch(scratch: Scratch): void {
    if (this.#idleScratches.length < IDLE_SCRATCHES_MAX && existsSync(scratch.gitDir) && scratch.isEmpty())
      this.#idleScratches.push(scratch);
    else scratch.remove();
  }

  /** Forgets what only saves requests; the packs stay. For a cache that no act uses. */
  async forget(): Promise<void> {
    this.memory.forget();
    await this.close();
  }

  /** Ends its process and removes the folders of no act. */
  async close(): Promise<void> {
    for (const scratch of this.#idleScratches.splice(0)) scratch.remove();
    await this.reader.close();
  }

  /** One index over all packs, so that the thousandth push is as quick as the first. */
  async indexPacks(): Promise<void> {
    if (this.#unindexed < PACKS_WITHOUT_INDEX_MAX) return;
    await this.#folderQueue.run(async () => {
      this.#unindexed = 0;
      const untouched = this.#folderStamp === (await this.#readStamp());
      await this.git.readOutput({ gitDir: this.folder, args: ["multi-pack-index", "write", "--no-progress"] });
      this.reader.notePacksIndexed();
      if (untouched) this.#folderStamp = await this.#readStamp();
    });
  }

  /** Deletes the folder, unless an act has begun to use it. An act that comes meanwhile waits and then starts from an empty cache. */
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
      // Renamed first, so that nobody ever sees half a cache.
      await rename(this.folder, trash).catch(ignoreAbsence);
      await rm(trash, { recursive: true, force: true });
    });
  }

  /** Counts what an earlier process left here, so that it can be evicted before anybody opens it. */
  async measure(): Promise<void> {
    for (const file of (await readdir(this.#packFolder).catch(ignoreAbsence)) ?? []) {
      const hash = /^pack-([0-9a-f]{40})\.pack$/.exec(file)?.[1];
      if (hash !== undefined) await this.#count(hash);
    }
  }

  async #download(store: ObjectStore, signal: AbortSignal): Promise<void> {
    await this.#prepareFolder();
    const { hashes, hasIndex } = await downloadPacks(store, this.name, this.#packFolder, signal, () => this.#forgetPacks());
    const here = new Set(hashes);
    // Of a store that was restored, where somebody else deleted the folder.
    if ([...this.#packs].some((hash) => !here.has(hash))) await this.#forgetPacks();
    this.#packs.clear();
    this.#sizeBytes = 0;
    for (const hash of hashes) await this.#count(hash);
    this.#unindexed = hasIndex ? this.#unindexed : hashes.length;
    this.#folderStamp = await this.#readStamp();
  }

  /** Nobody may count on an object that was here. */
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

  /** Changes whenever a name in the folder of packs appears or disappears. */
  async #readStamp(): Promise<string> {
    const found = await stat(this.#packFolder, { bigint: true }).catch(ignoreAbsence);
    return found === undefined ? "absent" : `${found.ino}:${found.mtimeNs}`;
  }

  #toPackPath(hash: string, extension: "pack" | "idx"): string {
    return toPackPath(this.#packFolder, hash, extension);
  }
}
