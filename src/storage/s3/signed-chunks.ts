import { createHash, createHmac } from "node:crypto";

/** How a body whose SHA-256 nobody knows yet announces itself: each chunk of it carries a signature. */
export const STREAMED_SHA256 = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD";

/** How much of a body one signature covers, in bytes; S3 takes no less than 8 KiB. */
const CHUNK_BYTES = 1024 * 1024;

const emptySha256 = createHash("sha256").digest("hex");

/** What the chunks' signatures begin with. */
export interface ChunkSeed {
  readonly secret_key: string;
  readonly region: string;
  /** As the header `x-amz-date` has it. */
  readonly date: string;
  /** The signature of the request's head. */
  readonly signature: string;
}

/** How long a body of `size_bytes` is with the heads of its chunks. */
export function signedChunksBytes(size_bytes: number): number {
  const rest = size_bytes % CHUNK_BYTES;
  const whole = (size_bytes - rest) / CHUNK_BYTES;
  return whole * framedBytes(CHUNK_BYTES) + (rest === 0 ? 0 : framedBytes(rest)) + framedBytes(0);
}

/**
 * A body in chunks of which each is signed, and its signature covers the one before: what is damaged, left out or exchanged on the way is
 * refused by the server, and the body is read only once. Source: AWS Signature Version 4, "Transferring payload in multiple chunks".
 * `bytes` comes in pieces of any size and must have `size_bytes` in all.
 *
 * @throws Error when it has not.
 */
export async function* signChunks(seed: ChunkSeed, size_bytes: number, bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const day = seed.date.slice(0, 8);
  const scope = `${day}/${seed.region}/s3/aws4_request`;
  const key = [day, seed.region, "s3", "aws4_request"].reduce<string | Buffer>(
    (secret, part) => createHmac("sha256", secret).update(part).digest(),
    `AWS4${seed.secret_key}`,
  );
  let signature = seed.signature;
  const head = (pieces: readonly Uint8Array[], length: number): Buffer => {
    const hash = createHash("sha256");
    for (const piece of pieces) hash.update(piece);
    const text = ["AWS4-HMAC-SHA256-PAYLOAD", seed.date, scope, signature, emptySha256, hash.digest("hex")].join("\n");
    signature = createHmac("sha256", key).update(text).digest("hex");
    return Buffer.from(`${length.toString(16)};chunk-signature=${signature}\r\n`);
  };
  let left = size_bytes;
  for await (const chunk of inChunks(bytes)) {
    left -= chunk.length;
    if (left < 0) break;
    yield head(chunk.pieces, chunk.length);
    yield* chunk.pieces;
    yield Buffer.from("\r\n");
  }
  if (left !== 0) throw new Error("the file changed its size while it was sent");
  yield head([], 0);
  yield Buffer.from("\r\n");
}

interface Chunk {
  readonly pieces: readonly Uint8Array[];
  readonly length: number;
}

/** All of `CHUNK_BYTES` but the last. */
async function* inChunks(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Chunk> {
  let pieces: Uint8Array[] = [];
  let length = 0;
  for await (const piece of bytes) {
    for (let at = 0; at < piece.byteLength; ) {
      const part = piece.subarray(at, at + CHUNK_BYTES - length);
      pieces.push(part);
      length += part.byteLength;
      at += part.byteLength;
      if (length < CHUNK_BYTES) continue;
      yield { pieces, length };
      pieces = [];
      length = 0;
    }
  }
  if (length > 0) yield { pieces, length };
}

function framedBytes(length: number): number {
  return `${length.toString(16)};chunk-signature=\r\n\r\n`.length + 64 + length;
}
