import { mkdtemp, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { hashPassingChunks } from "../../domain/bytes/hash.js";
import { toStagingKey } from "../../domain/storage-key.js";
import { writeChunks } from "../../storage/local-file.js";
import type { ObjectStore } from "../../storage/ports.js";
import { UPLOAD_FOLDER } from "./abandoned-uploads.js";

export type StagingOutcome =
  | { readonly outcome: "created" | "exists"; readonly sizeBytes: number }
  | { readonly outcome: "mismatch"; readonly actual: string }
  | { readonly outcome: "too_large" }
  | { readonly outcome: "cut_short" };

/**
 * Streams bytes to a temporary file while hashing them, and stores them if they hash to `blake3`. Uses constant memory and removes the
 * file before it returns.
 */
export async function receiveStagedBytes(
  store: ObjectStore,
  tenantId: string,
  blake3: string,
  bytes: Readable,
  maxBytes: number,
): Promise<StagingOutcome> {
  const folder = await mkdtemp(join(tmpdir(), UPLOAD_FOLDER));
  try {
    const path = join(folder, "bytes");
    const written = await hashToFile(path, bytes, maxBytes);
    if (typeof written === "string") return { outcome: written };
    if (written.blake3 !== blake3) return { outcome: "mismatch", actual: written.blake3 };
    const outcome = await store.blobs.createFromFile(toStagingKey(tenantId, blake3), path);
    return { outcome, sizeBytes: written.sizeBytes };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function hashToFile(
  path: string,
  bytes: Readable,
  maxBytes: number,
): Promise<{ blake3: string; sizeBytes: number } | "too_large" | "cut_short"> {
  const file = await open(path, "wx", 0o600);
  let found: { blake3: string; sizeBytes: number } | undefined;
  try {
    const hashed = hashPassingChunks(limitBytes(maxBytes, bytes), (blake3, sizeBytes) => {
      found = { blake3, sizeBytes };
    });
    await writeChunks(file, hashed);
    return found ?? "cut_short";
  } catch (error) {
    if (error instanceof TooLarge) return "too_large";
    if (isCutShort(error)) return "cut_short";
    throw error;
  } finally {
    await file.close();
  }
}

class TooLarge extends Error {}

/** @throws TooLarge before it yields a byte beyond the limit. */
async function* limitBytes(maxBytes: number, bytes: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let sizeBytes = 0;
  for await (const chunk of bytes) {
    sizeBytes += chunk.byteLength;
    if (sizeBytes > maxBytes) throw new TooLarge();
    yield chunk;
  }
}

/** Whether the client disconnected during the upload. */
function isCutShort(error: unknown): boolean {
  const { code } = error as { code?: unknown };
  return code === "ECONNRESET" || code === "ERR_STREAM_PREMATURE_CLOSE";
}
