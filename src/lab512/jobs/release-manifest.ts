import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import type { TagReleaseParams } from "../../domain/act/job.js";
import { hashBlake3Hex, hashBlake3HexOfStream } from "../../domain/bytes/hash.js";
import { toTagRef } from "../../domain/git/ref-name.js";
import { toArtifactKey, toReleaseManifestKey, toReleaseNotesKey } from "../../domain/storage-key.js";
import { writeSourceArchive } from "../../repository/history/source-archive.js";
import { readCommitLinks } from "../../repository/objects/object-source.js";
import type { OpenRepository } from "../../repository/open-repository.js";
import { createBlob, settleWrite } from "../../storage/settled-write.js";
import type { DeriveInput, JobContext } from "./job.js";
import { toStoredJson } from "./stored-json.js";

const CHUNK_BYTES = 1024 * 1024;

/** Writes a release's notes, source archive and `manifest.json`. Each is created once; a repeated call writes the missing ones. */
export async function writeRelease(context: JobContext, repository: OpenRepository, input: DeriveInput<TagReleaseParams>): Promise<void> {
  const { params, permit, receipt, statements } = input;
  const { tenant_id } = context;
  const key = toReleaseManifestKey(tenant_id, params.project_id, params.tag);
  if ((await context.store.blobs.stat(key)) !== undefined) return;
  const tagObject = receipt.refs.find((move) => move.name === toTagRef(params.tag))?.new;
  if (tagObject === undefined)
    throw new TypeError(`The act ${input.jti} did not create ${params.tag}; derive only from the release's own receipt.`);
  const { tree } = await readCommitLinks(repository, params.commit);

  const notes = Buffer.from(params.notes, "utf8");
  await createBlob(context.store, toReleaseNotesKey(tenant_id, params.project_id, params.tag), notes);
  const manifest = {
    tenant_id,
    project_id: params.project_id,
    tag: params.tag,
    tag_object: tagObject,
    commit: params.commit,
    tree,
    notes_hash: hashBlake3Hex(notes),
    source: await storeSource(context, repository, params),
    approvals: statements,
    permit,
    receipt,
  };
  await createBlob(context.store, key, toStoredJson(manifest));
}

/** Stores the source archive, or describes the existing one, because another version of git may compress the same tree differently. */
async function storeSource(context: JobContext, repository: OpenRepository, { project_id, commit }: TagReleaseParams) {
  const key = toArtifactKey(context.tenant_id, project_id, commit, "source.tar.gz");
  const isThere = async () => (await context.store.blobs.stat(key)) !== undefined;
  const stored = repository.getScratch().resolvePath("stored.tar.gz");
  if (!(await isThere())) {
    const path = await writeSourceArchive(repository, commit, `${project_id}-${commit}`);
    context.signal.throwIfAborted();
    await settleWrite(() => context.store.blobs.createFromFile(key, path), isThere);
  }
  if (!(await context.store.blobs.getToFile(key, stored)))
    throw new Error(`${key} was stored but cannot be read. Check the object store; then derive again.`);
  return {
    key,
    blake3: await hashBlake3HexOfStream(createReadStream(stored, { highWaterMark: CHUNK_BYTES })),
    sha256: await hashFileSha256(stored),
    size_bytes: (await stat(stored)).size,
  };
}

async function hashFileSha256(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(path, { highWaterMark: CHUNK_BYTES })) hash.update(chunk);
  return hash.digest("hex");
}
