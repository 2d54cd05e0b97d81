import { createHash } from "node:crypto";
import { join } from "node:path";
import type { Key } from "../key.js";

/**
 * The folders below the root. An object is at `<space>/<rest>`, its plain key. The backend's own files are in folders whose names begin
 * with a dot, which no space does, so a copied prefix contains only objects.
 */
export interface Layout {
  readonly root: string;
  /** Files being written, on the same file system as their destinations. */
  readonly temporary: string;
  readonly locks: string;
}

export function toLayout(root: string): Layout {
  return { root, temporary: join(root, ".temporary"), locks: join(root, ".locks") };
}

export function toObjectPath(layout: Layout, key: Key): string {
  return join(layout.root, key.space, key.rest);
}

/** A lock is named by a digest, because a key contains slashes and cannot be a file name. */
export function toLockPath(layout: Layout, key: Key): string {
  return join(layout.locks, createHash("sha256").update(key.full).digest("hex"));
}
