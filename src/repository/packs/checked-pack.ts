import type { PackIndex } from "./pack-index.js";

/** A checked pack in the scratch repository. It is complete and named by its own checksum. */
export interface CheckedPack {
  readonly hash: string;
  readonly packPath: string;
  readonly indexPath: string;
  readonly packSizeBytes: number;
  readonly indexSizeBytes: number;
  readonly index: PackIndex;
  /** The bytes of the files if they are small, because they are needed more than once. */
  readonly bytes: { readonly pack: Buffer; readonly index: Buffer } | undefined;
}
