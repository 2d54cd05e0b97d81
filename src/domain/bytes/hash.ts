import { createHash, hash } from "blake3-wasm";

/** A BLAKE3-256 digest: 64 lower-case hexadecimal digits. */
export type Blake3Hex = string;

export const BLAKE3_HEX = /^[0-9a-f]{64}$/;

/** BLAKE3-256 of `bytes`. Source: contracts "Canonical bytes and hashes". */
export function blake3(bytes: Uint8Array): Uint8Array {
  return Buffer.from(hash(bytes));
}

/** BLAKE3-256 of `bytes` as lower-case hex. */
export function blake3Hex(bytes: Uint8Array): Blake3Hex {
  return Buffer.from(hash(bytes)).toString("hex");
}

/** BLAKE3-256 of a stream of chunks, whatever its size; memory stays constant. */
export async function blake3HexOf(chunks: AsyncIterable<Uint8Array>): Promise<Blake3Hex> {
  let found = "";
  for await (const _ of hashing(chunks, (hex) => (found = hex)));
  return found;
}

/** Hands chunks on as they come, and in the end says their BLAKE3-256. Whoever stops earlier is told nothing. */
export async function* hashing<T extends Uint8Array>(
  chunks: AsyncIterable<T>,
  found: (hex: Blake3Hex, size_bytes: number) => void,
): AsyncGenerator<T> {
  const hasher = createHash();
  let size_bytes = 0;
  try {
    for await (const chunk of chunks) {
      hasher.update(chunk);
      size_bytes += chunk.byteLength;
      yield chunk;
    }
    found(Buffer.from(hasher.digest(undefined, { dispose: false })).toString("hex"), size_bytes);
  } finally {
    // The state lives in WebAssembly memory, which no garbage collector frees.
    hasher.dispose();
  }
}
