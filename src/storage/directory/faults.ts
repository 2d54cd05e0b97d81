import { StorageFault } from "../ports.js";

/** Returns the code of a file system error, or "". */
export function toErrorCode(cause: unknown): string {
  return cause instanceof Error && "code" in cause && typeof cause.code === "string" ? cause.code : "";
}

/** Returns whether no object can exist there: the name is absent or a folder, or one of its folders is a file. */
export function isAbsence(cause: unknown): boolean {
  return ["ENOENT", "ENOTDIR", "EISDIR"].includes(toErrorCode(cause));
}

/** Converts a file system error to a fault whose code tells what an operator can do. A storage fault is returned unchanged. */
export function toFileFault(key: string, cause: unknown): StorageFault {
  if (cause instanceof StorageFault) return cause;
  const code = toErrorCode(cause);
  switch (code) {
    case "ENOTDIR":
    case "EISDIR":
    case "EEXIST":
      return buildConflictFault(key, cause);
    case "EACCES":
    case "EPERM":
    case "EROFS":
      return new StorageFault("denied", key, `The file system refuses access to ${key} (${code}): check its owner.`, cause);
    case "ENOTSUP":
    case "EOPNOTSUPP":
    case "ENOSYS":
      return new StorageFault(
        "misconfigured",
        key,
        "The store's folder is on a file system without hard links: move it to a local one that has them.",
        cause,
      );
    default:
      return new StorageFault(
        "unavailable",
        key,
        `The file system does not serve ${key} (${code || String(cause)}): check that it is mounted and has space.`,
        cause,
      );
  }
}

export function buildConflictFault(key: string, cause?: unknown): StorageFault {
  return new StorageFault("denied", key, `${key} is a folder of other keys, or one of its folders is a key: rename it.`, cause);
}
