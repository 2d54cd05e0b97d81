import git from "isomorphic-git";
import { GitFault } from "../git-fault.js";
import type { OpenRepository } from "../open-repository.js";
import type { CheckedPack } from "../packs/checked-pack.js";
import { createPackFileSystem, PACK_GIT_DIR } from "../packs/pack-file-system.js";
import { ObjectReader } from "./object-reader.js";
import { type CommitLinks, type GitObject, type ObjectType, parseCommitLinks } from "./object-text.js";

/** Reads objects of the repository and of an incoming pack. */
export interface ObjectSource {
  readType(id: string): Promise<ObjectType | undefined>;
  /** @throws GitFault `git_failed` if an object that existed a moment ago no longer does. */
  read(id: string): Promise<GitObject>;
  close(): Promise<void>;
}

/** Reads a small pack from memory, and a large one through a separate git, which also sees the repository behind it. */
export function openObjectSource(repository: OpenRepository, pack: CheckedPack | undefined): ObjectSource {
  if (pack !== undefined && pack.bytes === undefined) {
    const reader = new ObjectReader(repository.git.scope, repository.getScratch().gitDir);
    return {
      readType: async (id) => (await reader.readInfo(id))?.type,
      read: async (id) => (await reader.read(id)) ?? throwObjectGone(id),
      close: () => reader.close(),
    };
  }
  const fs = pack?.bytes === undefined ? undefined : createPackFileSystem(pack.hash, pack.bytes);
  const cache = {};
  const read = async (id: string): Promise<GitObject> => {
    if (fs === undefined || !pack?.index.has(id)) return (await repository.getReader().read(id)) ?? throwObjectGone(id);
    const object = await git.readObject({ fs, gitdir: PACK_GIT_DIR, cache, oid: id, format: "content" });
    if (object.format !== "content") throw throwObjectGone(id);
    return { type: object.type, bytes: Buffer.from(object.object) };
  };
  const readType = async (id: string) => (pack?.index.has(id) ? (await read(id)).type : (await repository.getReader().readInfo(id))?.type);
  return { readType, read, close: async () => undefined };
}

/**
 * Reads the links of a commit that the repository has.
 *
 * @throws GitFault `git_failed` if it no longer exists.
 */
export async function readCommitLinks(repository: OpenRepository, commit: string): Promise<CommitLinks> {
  return parseCommitLinks(((await repository.getReader().read(commit)) ?? throwObjectGone(commit)).bytes);
}

function throwObjectGone(id: string): never {
  throw new GitFault("git_failed", `Object ${id} no longer exists, because the cache was deleted meanwhile. Try again.`);
}
