import { mkdtemp, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { createHash } from "blake3-wasm";
import { stagingKey } from "../domain/storage-key.js";
import type { ObjectStore } from "../storage/ports.js";

export type Received =
  | { readonly outcome: "created" | "exists"; readonly size_bytes: number }
  | { readonly outcome: "mismatch"; readonly actual: string }
  | { readonly outcome: "too_large" }
  | { readonly outcome: "cut_short" };

/**
 * Streams bytes to a temporary file, hashing them on the way, and stores them under `blake3` if that is what they are. Memory stays
 * constant; the file is gone when this returns.
 */
export async function receiveStaged(
  store: ObjectStore,
  tenantId: string,
  blake3: string,
  bytes: Readable,
  maxBytes: number,
): Promise<Received> {
  const folder = await mkdtemp(join(tmpdir(), "ogr-staging-"));
  try {
    const path = join(folder, "bytes");
    const written = await hashToFile(path, bytes, maxBytes);
    if (typeof written === "string") return { outcome: written };
    if (written.blake3 !== blake3) return { outcome: "mismatch", actual: written.blake3 };
    const outcome = await store.blobs.createFromFile(stagingKey(tenantId, blake3), path);
    return { outcome, size_bytes: written.size_bytes };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function hashToFile(
  path: string,
  bytes: Readable,
  maxBytes: number,
): Promise<{ blake3: string; size_bytes: number } | "too_large" | "cut_short"> {
  const hasher = createHash();
  const file = await open(path, "wx", 0o600);
  let size_bytes = 0;
  try {
    for await (const chunk of bytes as AsyncIterable<Buffer>) {
      size_bytes += chunk.byteLength;
      if (size_bytes > maxBytes) return "too_large";
      hasher.update(chunk);
      await file.writeFile(chunk);
    }
    return { blake3: Buffer.from(hasher.digest(undefined, { dispose: false })).toString("hex"), size_bytes };
  } catch (error) {
    if (isCutShort(error)) return "cut_short";
    throw error;
  } finally {
    // The hasher's state lives in WebAssembly memory, which no garbage collector frees.
    hasher.dispose();
    await file.close();
  }
}

/** The client went away in the middle. */
function isCutShort(error: unknown): boolean {
  const { code } = error as { code?: unknown };
  return code === "ECONNRESET" || code === "ERR_STREAM_PREMATURE_CLOSE";
}
