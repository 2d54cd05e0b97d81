import { createHash } from "node:crypto";
import { join } from "node:path";
import type { Key } from "../key.js";

/**
 * The folders below the root: `<space>/<rest>` is the object, at its plain key. The backend's own files are in folders that
 * begin with a dot, as no space does, so a copied prefix holds only objects.
 */
export interface Layout {
  readonly root: string;
  /** Files being written, on the same file system as their destination. */
  readonly temporary: string;
  readonly locks: string;
}

export function toLayout(root: string): Layout {
  return { root, temporary: join(root, ".temporary"), locks: join(root, ".locks") };
}

export function toObjectPath(layout: Layout, key: Key): string {
  return join(layout.root, key.space, key.rest);
}

/** A lock's name is a digest, because a key with its slashes is no file name. */
export function toLockPath(layout: Layout, key: Key): string {
  return join(layout.locks, createHash("sha256").update(key.full).digest("hex"));
}
