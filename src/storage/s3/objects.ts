import { createHash } from "node:crypto";
import type { FileHandle } from "node:fs/promises";
import { Readable } from "node:stream";
import type { Client } from "minio";
import type { Key } from "../key.js";
import { readChunks } from "../local-file.js";
import { maxInMemoryBytes, StorageFault } from "../ports.js";
import { maxPutBytes, type Session } from "./session.js";
import type { Exchange } from "./transport.js";

const contentType = { "content-type": "application/octet-stream" };

/** Returns the bytes and version of one state of the object. */
export function readObject(session: Session, key: Key): Promise<{ bytes: Buffer; version: string } | undefined> {
  return session.perform("read", key, [404], async (client, bucket, exchange) => {
    const body = await client.getObject(bucket, key.rest);
    const { "content-length": sizeBytes, etag } = exchange.answer?.headers ?? {};
    if (Number(sizeBytes) > maxInMemoryBytes) {
      body.destroy();
      throw new StorageFault("denied", key.full, `${key.full} has ${sizeBytes} bytes, too many to hold in memory: download it to a file.`);
    }
    return { bytes: await readBody(body, maxInMemoryBytes), version: toVersion(key, etag) };
  });
}

/**
 * Sends one conditional PUT. `version` is the version that the key must still have, or `null` if it must be free. Returns the new
 * version, or `undefined` if the condition did not hold.
 */
export function putBytes(session: Session, key: Key, version: string | null, bytes: Uint8Array): Promise<string | undefined> {
  const body = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const condition = version === null ? { "if-none-match": "*" } : { "if-match": `"${version}"` };
  // 412 means that the condition did not hold. 404 means the same for a version that is expected of a key that does not exist.
  const expected = version === null ? [412] : [412, 404];
  const put = async (client: Client, bucket: string) =>
    toVersion(key, (await client.putObject(bucket, key.rest, body, body.length, { ...condition, ...contentType })).etag);
  return session.perform("write", key, expected, put, body.length);
}

/**
 * Like {@link putBytes} for a free key, from a file. The client's `putObject` would hold the file in memory or split it, so this calls
 * the function beneath it. The SHA-256 of the whole file signs the body, so the store refuses a damaged one.
 */
export async function putFile(session: Session, key: Key, file: FileHandle): Promise<string | undefined> {
  const { size: sizeBytes } = await file.stat();
  if (sizeBytes > maxPutBytes)
    throw new StorageFault("denied", key.full, `${key.full} is larger than 5 GiB, the maximum for a conditional PUT on S3.`);
  const hash = createHash("sha256");
  for await (const chunk of readChunks(file)) hash.update(chunk);
  const sha256 = hash.digest("hex");
  const put = async (client: Client, bucketName: string, exchange: Exchange) => {
    const headers = { ...contentType, "if-none-match": "*", "content-length": sizeBytes };
    const request = { method: "PUT", bucketName, objectName: key.rest, headers };
    const body = Readable.from(readSized(file, sizeBytes, exchange.awaitConsent()), { objectMode: false });
    const answer = await client.makeRequestStreamAsync(request, body, sha256, [200], "");
    await readBody(answer, maxInMemoryBytes);
    return toVersion(key, answer.headers.etag);
  };
  return session.perform("write", key, [412], put, sizeBytes);
}

async function* readSized(file: FileHandle, sizeBytes: number, consent: Promise<void>): AsyncGenerator<Uint8Array> {
  await consent;
  let leftBytes = sizeBytes;
  for await (const chunk of readChunks(file)) {
    leftBytes -= chunk.length;
    if (leftBytes < 0) break;
    yield chunk;
  }
  if (leftBytes !== 0) throw new Error("the file changed its size while it was sent");
}

/** Reads the whole body. Throws if it is longer than `maxBytes` or ends before its announced length. */
export async function readBody(body: AsyncIterable<Buffer>, maxBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  for await (const chunk of body) {
    sizeBytes += chunk.byteLength;
    if (sizeBytes > maxBytes) throw new Error(`the response is longer than ${maxBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** Returns the ETag without its quotes. */
function toVersion(key: Key, etag: string | undefined): string {
  if (!etag) throw new StorageFault("misconfigured", key.full, `The object store sent no ETag for ${key.full}: it cannot be used here.`);
  return etag.replaceAll('"', "");
}
