import { StorageFault } from "../ports.js";

/** The code of a file system error, or "". */
export function toErrorCode(cause: unknown): string {
  return cause instanceof Error && "code" in cause && typeof cause.code === "string" ? cause.code : "";
}

/** No object can be there: the name is absent, or is a folder, or one of its folders is a file. */
export function isAbsence(cause: unknown): boolean {
  return ["ENOENT", "ENOTDIR", "EISDIR"].includes(toErrorCode(cause));
}

/** The fault for a file system error, by what an operator can do about it. A storage fault passes unchanged. */
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
        "The store's folder lies on a file system without hard links: move it to a local one that has them.",
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
