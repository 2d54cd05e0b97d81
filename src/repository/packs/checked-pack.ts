import type { PackIndex } from "./pack-index.js";

/** A checked pack in the scratch repository; complete, named by its own checksum. */
export interface CheckedPack {
  readonly hash: string;
  readonly packPath: string;
  readonly indexPath: string;
  readonly packSizeBytes: number;
  readonly indexSizeBytes: number;
  readonly index: PackIndex;
  /** The files' bytes when they are few: they are needed more than once. */
  readonly bytes: { readonly pack: Buffer; readonly index: Buffer } | undefined;
}
