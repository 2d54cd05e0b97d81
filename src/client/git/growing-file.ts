import type { FileHandle } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";

/** How much is read at a time. */
const PIECE_BYTES = 1024 * 1024;

/** How long to wait for more. */
const PAUSE_MS = 10;

/**
 * Reads an open file from its beginning while another process writes it, until `writing` settles. All pieces share one buffer, so each is
 * valid only until the next.
 */
export async function* readGrowingFile(file: FileHandle, writing: Promise<unknown>): AsyncGenerator<Uint8Array> {
  const piece = Buffer.allocUnsafeSlow(PIECE_BYTES);
  let complete = false;
  const ended = writing.then(
    () => (complete = true),
    () => (complete = true),
  );
  for (let position = 0; ; ) {
    // Read before the size, so that nothing written in between is missed.
    const wasComplete = complete;
    const { size } = await file.stat();
    if (!wasComplete && size - position < PIECE_BYTES) {
      await Promise.race([ended, sleep(PAUSE_MS)]);
      continue;
    }
    const { bytesRead } = await file.read(piece, 0, PIECE_BYTES, position);
    if (bytesRead === 0) return;
    position += bytesRead;
    yield piece.subarray(0, bytesRead);
  }
}
