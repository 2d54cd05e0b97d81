import type { PromiseFsClient } from "isomorphic-git";

/** The path of the repository in {@link createPackFileSystem}. */
export const PACK_GIT_DIR = "/repository";

/** Creates a file system for isomorphic-git that contains only one pack, in memory, so that reading from it touches no disk. */
export function createPackFileSystem(hash: string, bytes: { readonly pack: Buffer; readonly index: Buffer }): PromiseFsClient {
  const folder = `${PACK_GIT_DIR}/objects/pack`;
  const files = new Map([
    [`${folder}/pack-${hash}.pack`, bytes.pack],
    [`${folder}/pack-${hash}.idx`, bytes.index],
  ]);
  const readFile = async (path: string) => files.get(path) ?? throwAbsent(path);
  const stat = async (path: string) => {
    const size = files.get(path)?.length;
    if (size === undefined && path !== folder && path !== PACK_GIT_DIR) return throwAbsent(path);
    return { isFile: () => size !== undefined, isDirectory: () => size === undefined, isSymbolicLink: () => false, size: size ?? 0 };
  };
  return {
    promises: {
      readFile,
      stat,
      lstat: stat,
      readdir: async (path: string) => (path === folder ? [...files.keys()].map((file) => file.slice(folder.length + 1)) : []),
      writeFile: rejectWrite,
      unlink: rejectWrite,
      mkdir: rejectWrite,
      rmdir: rejectWrite,
      readlink: throwAbsent,
      symlink: rejectWrite,
    },
  };
}

function throwAbsent(path: string): never {
  throw Object.assign(new Error(`${path} does not exist.`), { code: "ENOENT" });
}

async function rejectWrite(path: string): Promise<never> {
  throw Object.assign(new Error(`${path} cannot be written: the pack is read-only.`), { code: "EROFS" });
}
