/**
 * The two storage ports of the registry. Everything durable outside the database is either an immutable blob or a
 * pointer that moves by compare-and-swap. Both are plain objects at their plain key, so other tools can read them.
 *
 * Keys are `<space>/<rest>` as checked in `key.ts`. A key that is also a folder of other keys (`a` beside `a/b`) is not
 * portable: S3 can store both, a file system cannot. Do not design such keys.
 */

/**
 * Immutable objects. A key is written at most once and never changes or disappears afterwards, so a reader can cache the result without
 * limit. Every method throws {@link StorageFault}. Absence is a result, not a fault.
 */
export interface Blobs {
  /**
   * Returns the whole object in memory, or `undefined` if there is none. Strongly consistent: sees every create that completed before
   * this call began. Refuses objects above `maxInMemoryBytes`: use {@link Blobs.getToFile}.
   */
  get(key: string): Promise<Uint8Array | undefined>;

  /**
   * Streams the object into `path`. Returns `false`, and leaves `path` untouched, if there is no object. The file appears under its name
   * only when it is complete and flushed (temporary file in the same folder, then rename), and replaces an existing file. Consistency as
   * in {@link Blobs.get}.
   */
  getToFile(key: string, path: string): Promise<boolean>;

  /** Returns the size in bytes, or `undefined` if there is no object. Consistency as in {@link Blobs.get}. */
  stat(key: string): Promise<{ sizeBytes: number } | undefined>;

  /**
   * Creates the object if the key is free. Of any number of concurrent calls on one key, exactly one returns `created`. When it returns,
   * the object is durable and visible to every reader; no reader ever sees a part of it. After a fault with code `outcome_unknown`, the
   * object may or may not exist: read it back.
   */
  create(key: string, bytes: Uint8Array): Promise<"created" | "exists">;

  /**
   * Like {@link Blobs.create}, from a local file that must not change meanwhile. The file is streamed, never held in memory. The
   * directory backend accepts any size, S3 at most 5 GiB, the largest PUT that can have a condition.
   */
  createFromFile(key: string, path: string): Promise<"created" | "exists">;

  /**
   * Lists full keys that start with `prefix` (`<space>/…`, cut anywhere after that slash), in the order of their UTF-8 bytes. Contains
   * every key that existed before the call and none that never existed; keys created during the walk may or may not be included. Pages
   * are fetched as they are consumed.
   */
  list(prefix: string): AsyncIterable<string>;
}

/**
 * Objects replaced only by compare-and-swap. A version is opaque and identifies one state of one key. On S3 it is the ETag, a hash of the
 * content, so earlier bytes have the earlier version again. A caller that must distinguish them writes something unique into every body
 * (a nonce, a jti, an attempt number).
 */
export interface Pointers {
  /** Returns the bytes and version of the same state, or `undefined`. Sees every swap that completed before the call began. */
  read(key: string): Promise<{ bytes: Uint8Array; version: string } | undefined>;

  /**
   * Replaces the object if its version is still `expected`, or creates it if `expected` is `null` and the key is free. Of any number of
   * concurrent calls with the same `expected`, exactly one wins. When a win is returned, the new bytes are durable and visible; a loss
   * changed nothing. After a fault with code `outcome_unknown`, either can be the case: read the object back and compare the bytes.
   */
  swap(key: string, expected: string | null, bytes: Uint8Array): Promise<{ won: true; version: string } | { won: false }>;
}

/** One store with both ports. `describe` names it for logs and messages and never contains a credential. */
export interface ObjectStore {
  readonly blobs: Blobs;
  readonly pointers: Pointers;
  describe(): string;
  /** Releases sockets and files. The store cannot be used afterwards. */
  close(): Promise<void>;
}

/** The largest object that `get` and `read` load into memory, in bytes. */
export const maxInMemoryBytes = 256 * 1024 * 1024;

/**
 * - `unavailable`: the store could not be reached or did not respond properly; nothing was changed. Try again.
 * - `outcome_unknown`: a write was sent, and it is unknown whether it took effect. Read it back before anything else.
 * - `denied`: the credentials, this view of the store or the rules for keys do not allow it. Trying again cannot help.
 * - `misconfigured`: an operator has to change something; the message says what.
 */
export type StorageFaultCode = "unavailable" | "outcome_unknown" | "denied" | "misconfigured";

/** A fault of storage, never a regular result. `key` is the requested key or prefix, or "" if there is none. */
export class StorageFault extends Error {
  override readonly name = "StorageFault";

  constructor(
    readonly code: StorageFaultCode,
    readonly key: string,
    message: string,
    cause?: unknown,
  ) {
    super(message, cause === undefined ? undefined : { cause });
  }
}
