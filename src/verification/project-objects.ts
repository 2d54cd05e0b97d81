import { randomUUID } from "node:crypto";
import { EMPTY_TREE, ZERO_ID } from "../domain/git/git-id.js";
import { toLastActRef } from "../domain/git/ref-name.js";
import type { Receipt } from "../domain/permit/receipt.js";
import { toRepoPrefix } from "../domain/storage-key.js";
import { GitFault } from "../repository/git-fault.js";
import type { OpenRepository } from "../repository/open-repository.js";
import { toPackPath } from "../repository/packs/download-packs.js";
import { type Refs, serialisePackedRefs } from "../repository/refs/packed-refs.js";
import type { Repositories } from "../repository/repositories.js";
import { type RepositoryName, toRepositoryKeys } from "../repository/repository-key.js";
import { type ObjectStore, StorageFault } from "../storage/ports.js";
import { failAt, requireThat } from "./failure.js";

const PACK_FILE = /pack-([0-9a-f]{40})\.(pack|idx)$/;
/** Longer than git takes for any pack. */
const CHECK_MAX_MS = 24 * 3_600_000;
/** The number of packs that one git checks. */
const PACKS_AT_ONCE = 100;

/** Refs that reach no object, to open the packs alone. */
const ONLY_PACKS: Refs = new Map([[toLastActRef("none"), { id: EMPTY_TREE }]]);

/** The git objects of one project, whose packs are checked object by object. */
export class ProjectObjects {
  private constructor(
    private readonly source: ObjectStore,
    private readonly name: RepositoryName,
    private readonly repositories: Repositories,
  ) {}

  /**
   * Checks every pack of `source`: git computes the id of each object from its bytes. Returns undefined if there is none of the project's
   * repository. @throws VerificationFailure
   */
  static async open(source: ObjectStore, name: RepositoryName, repositories: Repositories): Promise<ProjectObjects | undefined> {
    const objects = new ProjectObjects(source, name, repositories);
    const keys = toRepositoryKeys(name);
    const listed = new Set<string>();
    let isThere = false;
    for await (const key of source.blobs.list(`${toRepoPrefix(name.tenant_id, name.project_id)}/`)) {
      isThere = true;
      if (key.startsWith(keys.packs) && PACK_FILE.test(key)) listed.add(key);
    }
    if (!isThere) return undefined;
    const hashes = [...new Set([...listed].map((key) => PACK_FILE.exec(key)?.[1] ?? ""))];
    for (const hash of hashes)
      for (const key of [keys.pack(hash), keys.index(hash)]) requireThat(listed.has(key), key, "", "It is missing.");
    await objects.run(ONLY_PACKS, [], (repository) => checkPacks(repository, hashes));
    return objects;
  }

  /** Returns a view of the store in which the project has these refs, and lacks some keys. */
  viewAt(refs: Refs, hidden: readonly string[]): ObjectStore {
    const { source } = this;
    const { packedRefs } = toRepositoryKeys(this.name);
    const bytes = serialisePackedRefs(refs);
    // The cache takes packs of a known version as present, but another view may have hidden some since.
    const version = randomUUID();
    const isHidden = (key: string) => hidden.includes(key);
    async function* listVisible(prefix: string): AsyncGenerator<string> {
      for await (const key of source.blobs.list(prefix)) if (!isHidden(key)) yield key;
    }
    return {
      ...source,
      blobs: {
        ...source.blobs,
        get: async (key) => (isHidden(key) ? undefined : source.blobs.get(key)),
        stat: async (key) => (isHidden(key) ? undefined : source.blobs.stat(key)),
        getToFile: async (key, path) => !isHidden(key) && source.blobs.getToFile(key, path),
        list: listVisible,
      },
      pointers: {
        ...source.pointers,
        read: async (key) => {
          if (key !== packedRefs) return source.pointers.read(key);
          return refs.size === 0 ? undefined : { bytes, version };
        },
      },
    };
  }

  /** Runs `work` on the repository with these refs. @throws VerificationFailure for whatever git or the files do not yield */
  async run<T>(refs: Refs, hidden: readonly string[], work: (repository: OpenRepository, store: ObjectStore) => Promise<T>): Promise<T> {
    const store = this.viewAt(refs, hidden);
    return this.nameFaults(async () => {
      const repository = await this.repositories.open(store, this.name, new AbortController().signal);
      if (repository === undefined) throw new TypeError("The view of a repository has refs; this is a bug.");
      try {
        return await work(repository, store);
      } finally {
        await repository.close();
      }
    });
  }

  /** Runs `work`, and turns a fault of git or of the files into a failure that names the file. */
  async nameFaults<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof GitFault || error instanceof StorageFault)) throw error;
      const prefix = toRepoPrefix(this.name.tenant_id, this.name.project_id);
      const file = error.message.split(" ", 1)[0] ?? "";
      return failAt(file.startsWith(prefix) ? file : `${prefix}/objects/pack`, "", error.message);
    }
  }

  /** Checks that every object that the refs and the act's own moves reach is there. @throws VerificationFailure */
  async checkComplete(refs: Refs, { refs: moves }: Receipt): Promise<void> {
    const ids = [...refs.values(), ...moves.map((move) => ({ id: move.new }))].map(({ id }) => id);
    const wanted = [...new Set(ids)].filter((id) => id !== ZERO_ID && id !== EMPTY_TREE);
    if (wanted.length === 0) return;
    const folder = `${toRepoPrefix(this.name.tenant_id, this.name.project_id)}/objects/pack`;
    await this.run(ONLY_PACKS, [], async (repository) => {
      const args = ["rev-list", "--objects", "--quiet", "--stdin"];
      const answer = await repository.runGit({ args, input: Buffer.from(`${wanted.join("\n")}\n`) });
      requireThat(answer.code === 0, folder, "", `An object that the project's refs reach is missing: ${answer.stderr.trim()}`);
    });
  }
}

async function checkPacks(repository: OpenRepository, hashes: readonly string[]): Promise<void> {
  const { cache, name } = repository;
  const keys = toRepositoryKeys(name);
  const toPath = (hash: string, extension: "pack" | "idx") => toPackPath(`${cache.objects}/pack`, hash, extension);
  const isSuccess = async (args: readonly string[]) => (await repository.runGit({ args, timeoutMs: CHECK_MAX_MS })).code === 0;
  for (let at = 0; at < hashes.length; at += PACKS_AT_ONCE) {
    const some = hashes.slice(at, at + PACKS_AT_ONCE);
    if (await isSuccess(["verify-pack", ...some.map((hash) => toPath(hash, "idx"))])) continue;
    for (const hash of some) {
      if (await isSuccess(["verify-pack", toPath(hash, "idx")])) continue;
      const index = repository.getScratch().resolvePath("checked.idx");
      const isPackSound = await isSuccess(["index-pack", "-o", index, toPath(hash, "pack")]);
      if (isPackSound) failAt(keys.index(hash), "", "It is not the index of its pack.");
      failAt(keys.pack(hash), "", "git cannot read the objects that it should hold.");
    }
  }
}
