import git from "isomorphic-git";
import { GitFault } from "../git-fault.js";
import type { OpenRepository } from "../open-repository.js";
import type { CheckedPack } from "../packs/checked-pack.js";
import { PACK_GIT_DIR, packFileSystem } from "../packs/pack-file-system.js";
import { ObjectReader } from "./object-reader.js";
import type { GitObject, ObjectType } from "./object-text.js";

/** Reads objects of the repository and of the pack that came in. */
export interface ObjectSource {
  type(id: string): Promise<ObjectType | undefined>;
  /** @throws GitFault `git_failed` when the object is gone: all that is asked for was there a moment ago. */
  read(id: string): Promise<GitObject>;
  close(): Promise<void>;
}

/** A small pack is read in process, from memory; a large one by a git of its own, which sees the repository behind it too. */
export function openObjectSource(repository: OpenRepository, pack: CheckedPack | undefined): ObjectSource {
  if (pack !== undefined && pack.bytes === undefined) {
    const reader = new ObjectReader(repository.git.scope, repository.scratch().gitDir);
    return {
      type: async (id) => (await reader.info(id))?.type,
      read: async (id) => (await reader.read(id)) ?? gone(id),
      close: () => reader.close(),
    };
  }
  const fs = pack?.bytes === undefined ? undefined : packFileSystem(pack.hash, pack.bytes);
  const cache = {};
  const read = async (id: string): Promise<GitObject> => {
    if (fs === undefined || !pack?.index.has(id)) return (await repository.reader().read(id)) ?? gone(id);
    const object = await git.readObject({ fs, gitdir: PACK_GIT_DIR, cache, oid: id, format: "content" });
    if (object.format !== "content") throw gone(id);
    return { type: object.type, bytes: Buffer.from(object.object) };
  };
  const type = async (id: string) => (pack?.index.has(id) ? (await read(id)).type : (await repository.reader().info(id))?.type);
  return { type, read, close: async () => undefined };
}

function gone(id: string): never {
  throw new GitFault("git_failed", `Object ${id} was there and is gone; the cache was deleted meanwhile. Try again.`);
}
