import { createReadStream } from "node:fs";
import type { PushParams } from "../domain/act/job.js";
import { hashBlake3Hex, hashBlake3HexOfStream } from "../domain/bytes/hash.js";
import { denyWith, grantValue, type Outcome } from "../domain/denial.js";
import { toStagingKey } from "../domain/storage-key.js";
import type { IncomingBytes } from "../repository/incoming/incoming-bytes.js";
import type { OpenRepository } from "../repository/open-repository.js";
import type { PlanningContext } from "./context.js";

/** Bytes up to this size stay in memory. */
const IN_MEMORY_MAX_BYTES = 4 * 1024 * 1024;

/** Bytes identified by their BLAKE3, inline in `patch` or staged. */
type NamedBytes = Pick<PushParams, "subject_hash" | "patch">;

/**
 * Reads the pushed bytes, inline or staged, and checks them against `params.subject_hash`. Checks their size before fetching them.
 * Denials: `staged_bytes_missing`, `subject_hash_mismatch`, `limit_exceeded`.
 */
export async function readSubjectBytes(
  context: PlanningContext,
  params: NamedBytes,
  repository: OpenRepository,
  max = context.limits.stagedMaxBytes,
): Promise<Outcome<IncomingBytes>> {
  if (params.patch !== undefined) {
    const bytes = Buffer.from(params.patch, "base64");
    return bytes.length > max ? denyLargePush(bytes.length, max) : checkSubjectHash(params, { bytes }, hashBlake3Hex(bytes));
  }
  const key = toStagingKey(context.tenant_id, params.subject_hash);
  const staged = await context.store.blobs.stat(key);
  if (staged === undefined) return denyMissingBytes(params);
  if (staged.sizeBytes > max) return denyLargePush(staged.sizeBytes, max);
  if (staged.sizeBytes <= IN_MEMORY_MAX_BYTES) {
    const read = await context.store.blobs.get(key);
    if (read === undefined) return denyMissingBytes(params);
    const bytes = Buffer.from(read.buffer, read.byteOffset, read.byteLength);
    return checkSubjectHash(params, { bytes }, hashBlake3Hex(bytes));
  }
  const path = repository.getScratch().resolvePath("staged");
  if (!(await context.store.blobs.getToFile(key, path))) return denyMissingBytes(params);
  return checkSubjectHash(
    params,
    { path, sizeBytes: staged.sizeBytes },
    await hashBlake3HexOfStream(createReadStream(path, { highWaterMark: 1024 * 1024 })),
  );
}

function checkSubjectHash(params: NamedBytes, incoming: IncomingBytes, found: string): Outcome<IncomingBytes> {
  if (found === params.subject_hash) return grantValue(incoming);
  return denyWith(
    "subject_hash_mismatch",
    `params.subject_hash is ${params.subject_hash}, but the bytes have the BLAKE3 ${found}. Send the bytes that you named.`,
  );
}

function denyMissingBytes(params: NamedBytes) {
  return denyWith(
    "staged_bytes_missing",
    `Nothing is staged under ${params.subject_hash}. Stage the bytes first: PUT /v1/staging/${params.subject_hash}.`,
  );
}

function denyLargePush(size: number, max: number) {
  return denyWith("limit_exceeded", `The push has ${size} bytes; ${max} are allowed. Push the history in several steps.`);
}
