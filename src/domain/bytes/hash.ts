import { createHash, hash } from "blake3-wasm";

/** A BLAKE3-256 digest: 64 lower-case hexadecimal digits. */
export type Blake3Hex = string;

export const BLAKE3_HEX = /^[0-9a-f]{64}$/;

/** Computes the BLAKE3-256 of `bytes`. Source: contracts "Canonical bytes and hashes". */
export function hashBlake3(bytes: Uint8Array): Uint8Array {
  return Buffer.from(hash(bytes));
}

/** Computes the BLAKE3-256 of `bytes` as lower-case hex. */
export function hashBlake3Hex(bytes: Uint8Array): Blake3Hex {
  return Buffer.from(hash(bytes)).toString("hex");
}

/** Computes the BLAKE3-256 of a stream of chunks, in constant memory. */
export async function hashBlake3HexOfStream(chunks: AsyncIterable<Uint8Array>): Promise<Blake3Hex> {
  let found = "";
  for await (const _ of hashPassingChunks(chunks, (hex) => (found = hex)));
  return found;
}

/** Yields the chunks unchanged, and calls `onHash` with their BLAKE3-256 after the last one. */
export async function* hashPassingChunks<T extends Uint8Array>(
  chunks: AsyncIterable<T>,
  onHash: (hex: Blake3Hex, sizeBytes: number) => void,
): AsyncGenerator<T> {
  const hasher = createHash();
  let sizeBytes = 0;
  try {
    for await (const chunk of chunks) {
      hasher.update(chunk);
      sizeBytes += chunk.byteLength;
      yield chunk;
    }
    onHash(Buffer.from(hasher.digest(undefined, { dispose: false })).toString("hex"), sizeBytes);
  } finally {
    // The state is in WebAssembly memory, which is not garbage-collected.
    hasher.dispose();
  }
}
