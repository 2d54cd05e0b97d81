import { randomUUID } from "node:crypto";
import { type FileHandle, open, rename, rm } from "node:fs/promises";
import { StorageFault } from "./ports.js";

/**
 * Lets `fill` write a new file, and gives it the name `path` only when it is complete and flushed. Removes it if `fill` returns `false`
 * or throws. The temporary file is in the same folder, because a rename is atomic only within one file system.
 */
export async function receiveFile(key: string, path: string, fill: (file: FileHandle) => Promise<boolean>): Promise<boolean> {
  const temporary = `${path}.${randomUUID()}.part`;
  const file = await open(temporary, "wx").catch((cause: unknown) => {
    throw new StorageFault("misconfigured", key, `Cannot write a file in the folder of ${path}: create it first.`, cause);
  });
  let filled = false;
  try {
    filled = await fill(file);
    if (filled) await file.sync();
  } finally {
    await file.close();
    if (!filled) await rm(temporary, { force: true });
  }
  if (filled) await rename(temporary, path);
  return filled;
}

/** Opens a local file that is to be stored. Throws {@link StorageFault} `misconfigured` if it cannot be read. */
export async function openSourceFile(key: string, path: string): Promise<FileHandle> {
  const file = await open(path, "r").catch((cause: unknown) => {
    throw buildUnreadableFault(key, path, cause);
  });
  if (!(await file.stat()).isFile()) {
    await file.close();
    throw buildUnreadableFault(key, path);
  }
  return file;
}

function buildUnreadableFault(key: string, path: string, cause?: unknown): StorageFault {
  return new StorageFault("misconfigured", key, `The local file ${path}, which is to be stored, cannot be read.`, cause);
}

/** How many bytes of a file are in memory at a time while it is copied or sent. Each chunk costs one use of the thread pool. */
const chunkBytes = 1024 * 1024;

/**
 * Reads the content of an open file from its beginning, in chunks. Not a stream of the handle, because a stream that must not close its
 * handle never emits `close`.
 */
export async function* readChunks(file: FileHandle): AsyncGenerator<Buffer> {
  for (let position = 0; ; ) {
    const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(chunkBytes), 0, chunkBytes, position);
    if (bytesRead === 0) return;
    yield buffer.subarray(0, bytesRead);
    position += bytesRead;
  }
}

/** Replaces the content of an open file. Collects the small chunks of a socket in one buffer before it writes. */
export async function writeChunks(file: FileHandle, chunks: AsyncIterable<Uint8Array>): Promise<void> {
  await file.truncate(0);
  const gathered = Buffer.allocUnsafeSlow(chunkBytes);
  let filled = 0;
  let position = 0;
  const flushGathered = async (): Promise<void> => {
    for (let offset = 0; offset < filled; ) {
      const { bytesWritten } = await file.write(gathered, offset, filled - offset, position);
      offset += bytesWritten;
      position += bytesWritten;
    }
    filled = 0;
  };
  for await (const chunk of chunks) {
    for (let taken = 0; taken < chunk.byteLength; ) {
      const part = chunk.subarray(taken, taken + chunkBytes - filled);
      gathered.set(part, filled);
      filled += part.byteLength;
      taken += part.byteLength;
      if (filled === chunkBytes) await flushGathered();
    }
  }
  await flushGathered();
}
