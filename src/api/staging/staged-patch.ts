import type { Job } from "../../domain/act/job.js";
import { hashBlake3Hex } from "../../domain/bytes/hash.js";
import { buildDenial, type Denial } from "../../domain/denial.js";
import { toStagingKey } from "../../domain/storage-key.js";
import type { ObjectStore } from "../../storage/ports.js";

/** The inline patch of `params`, verified against `params.subject_hash`. */
export type InlinePatch = { readonly bytes: Uint8Array; readonly blake3: string };

/** Parses the inline patch, if any; a denial if its hash differs. Source: contracts "Canonical bytes and hashes". */
export function parseInlinePatch(job: Job): { patch: InlinePatch | null; denial: null } | { patch: null; denial: Denial } {
  if (job.jobType !== "git.registry.push" || job.params.patch === undefined) return { patch: null, denial: null };
  const { patch, subject_hash } = job.params;
  const bytes = Buffer.from(patch, "base64");
  const actual = hashBlake3Hex(bytes);
  if (actual === subject_hash) return { patch: { bytes, blake3: actual }, denial: null };
  return {
    patch: null,
    denial: buildDenial("subject_hash_mismatch", `The patch hashes to ${actual}, and params.subject_hash says ${subject_hash}.`),
  };
}

/** Stores the bytes under their hash; existing bytes are the same. */
export async function stagePatch(store: ObjectStore, tenantId: string, patch: InlinePatch | null): Promise<void> {
  if (patch !== null) await store.blobs.create(toStagingKey(tenantId, patch.blake3), patch.bytes);
}
