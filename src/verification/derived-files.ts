import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { createGunzip } from "node:zlib";
import { z } from "zod";
import type { InitParams, MergeProtectedParams, ResetParams, TagReleaseParams } from "../domain/act/job.js";
import { pickMarks } from "../domain/act/marks.js";
import { buildPact, findPactArtifact, pactEnvelopeSchema } from "../domain/act/pact.js";
import { toCanonicalText } from "../domain/bytes/canonical.js";
import { hashBlake3Hex } from "../domain/bytes/hash.js";
import { verifyDsse } from "../domain/bytes/signature.js";
import type { SignedStatement } from "../domain/card/statement.js";
import { ZERO_ID } from "../domain/git/git-id.js";
import { parseJsonBytes } from "../domain/json.js";
import type { CommandEnvelope } from "../domain/permit/envelope.js";
import type { Receipt } from "../domain/permit/receipt.js";
import { toProjectKey, toReceiptKey, toReleaseManifestKey, toReleaseNotesKey, toResetRefsKey } from "../domain/storage-key.js";
import { buildMergePredicate } from "../planning/merge/merge-predicate.js";
import { buildDeclaration } from "../planning/plan-init.js";
import { writeSourceArchive } from "../repository/history/source-archive.js";
import { readCommitLinks } from "../repository/objects/object-source.js";
import type { Refs } from "../repository/refs/packed-refs.js";
import type { EvidenceFiles } from "./evidence-files.js";
import { failAt, requireThat } from "./failure.js";
import type { ProjectObjects } from "./project-objects.js";
import type { WalkedCharter } from "./walked-charter.js";

/** A verified act whose further files are checked. */
export interface VerifiedReceipt {
  readonly files: EvidenceFiles;
  readonly charter: WalkedCharter;
  readonly objects: ProjectObjects | undefined;
  readonly refs: Refs;
  readonly command: CommandEnvelope;
  readonly receipt: Receipt;
  readonly statements: readonly SignedStatement[];
}

/** Checks what the registry derived from the act. Returns what it took as recorded. @throws VerificationFailure */
export async function checkDerivedFiles(act: VerifiedReceipt): Promise<string[]> {
  const { command } = act;
  switch (command.jobType) {
    case "git.registry.init":
      return checkDeclaration(act, command.params);
    case "git.registry.merge_protected":
      return checkPact(act, command.params);
    case "git.registry.tag_release":
      return checkRelease(act, command.params);
    case "git.registry.reset":
      return checkDeletedRefs(act, command.params);
    default:
      return [];
  }
}

async function checkDeclaration({ files, command, receipt }: VerifiedReceipt, params: InitParams): Promise<string[]> {
  const file = toProjectKey(receipt.tenant_id, params.project_id);
  const wanted = buildDeclaration(receipt.tenant_id, { ...command, params });
  requireThat(isStoredJson(await files.read(file), wanted), file, "", "It does not declare the project as the registration does.");
  return [];
}

async function checkDeletedRefs({ files, receipt }: VerifiedReceipt, params: ResetParams): Promise<string[]> {
  const file = toResetRefsKey(receipt.tenant_id, params.project_id, receipt.jti);
  requireThat(hashBlake3Hex(await files.read(file)) === params.expected_refs, file, "", "They are not the refs that the command names.");
  return [];
}

/** A Pact that an earlier attempt signed, perhaps by an earlier key of the Runner, is kept: a key of any version up to the receipt's will do. */
async function checkPact(act: VerifiedReceipt, params: MergeProtectedParams): Promise<string[]> {
  const { files, charter, objects, refs, command, receipt, statements } = act;
  const receiptFile = toReceiptKey(receipt.tenant_id, receipt.jti);
  const named = findPactArtifact(receipt);
  const commit = receipt.refs[0]?.new ?? "";
  if (named === undefined) return failAt(receiptFile, "artifacts", "It names no Pact.");
  const file = named.key;
  const envelope = await files.readJson(file, pactEnvelopeSchema, "\n");
  requireThat(hashBlake3Hex(await files.read(file)) === named.blake3, file, "", "It is not the Pact that the receipt names.");
  const [signature] = envelope.signatures;
  const body = Buffer.from(envelope.payload, "base64");
  const keyid = signature?.keyid ?? "";
  const jwk = (await charter.at(receipt, receiptFile)).listKnownKeys("receipt").keys.find(({ kid }) => kid === keyid);
  requireThat(
    jwk !== undefined && verifyDsse(envelope.payloadType, body, signature?.sig ?? "", jwk),
    file,
    "signatures",
    "No receipt key of the charter signed it.",
  );
  const { expected_target = receipt.refs[0]?.old ?? ZERO_ID } = params;
  const links = await objects?.run(refs, [], (repository) => readCommitLinks(repository, commit));
  const made = links === undefined ? readMade(body) : { commit, tree: links.tree, parents: [...links.parents] };
  const wanted = buildPact(
    buildMergePredicate(
      receipt.tenant_id,
      { jti: receipt.jti, params: { ...params, expected_target }, permit: command.permit, statements, keyid, ...pickMarks(receipt) },
      { ...made, commit },
    ),
  );
  requireThat(toCanonicalText(wanted) === body.toString("utf8"), file, "payload", "It does not state what the receipt and the record do.");
  return links === undefined ? ["the tree and the parents of the merge, from the Pact"] : [];
}

const madeSchema = z.object({ predicate: z.object({ merge: z.object({ tree: z.string(), parents: z.array(z.string()) }) }) });

function readMade(body: Uint8Array): { tree: string; parents: string[] } {
  return madeSchema.safeParse(parseJsonBytes(body)).data?.predicate.merge ?? { tree: "", parents: [] };
}

const sourceSchema = z.strictObject({ key: z.string(), blake3: z.string(), sha256: z.string(), size_bytes: z.number() });

async function checkRelease(act: VerifiedReceipt, params: TagReleaseParams): Promise<string[]> {
  const { files, objects, refs, command, receipt, statements } = act;
  const { tenant_id } = receipt;
  const { project_id, tag, commit } = params;
  const file = toReleaseManifestKey(tenant_id, project_id, tag);
  const manifest = await files.readJson(file, z.looseObject({ tree: z.string(), source: sourceSchema }), "\n");
  const links = await objects?.run(refs, [], (repository) => readCommitLinks(repository, commit));
  const notes = Buffer.from(params.notes, "utf8");
  const wanted: Record<string, unknown> = {
    ...{ tenant_id, project_id, tag, tag_object: receipt.refs[0]?.new, commit, tree: links?.tree ?? manifest.tree },
    ...{ notes_hash: hashBlake3Hex(notes), source: manifest.source, approvals: statements, permit: command.permit, receipt },
  };
  for (const member of new Set([...Object.keys(wanted), ...Object.keys(manifest)]))
    requireThat(toText(wanted[member]) === toText(manifest[member]), file, member, "It is not that of the release.");
  const notesFile = toReleaseNotesKey(tenant_id, project_id, tag);
  requireThat(notes.equals(await files.read(notesFile)), notesFile, "", "They are not the notes of the release.");
  await checkSource(act, params, manifest.source);
  return objects === undefined ? ["the tree and the source archive, from the manifest"] : [];
}

async function checkSource(
  { files, objects, refs, receipt }: VerifiedReceipt,
  { project_id, commit }: TagReleaseParams,
  source: z.infer<typeof sourceSchema>,
): Promise<void> {
  const file = `artifacts/${receipt.tenant_id}/${project_id}/${commit}/source.tar.gz`;
  const manifestFile = toReleaseManifestKey(receipt.tenant_id, project_id, receiptTag(receipt));
  requireThat(source.key === file, manifestFile, "source.key", `The archive of the commit is ${file}.`);
  const bytes = await files.read(file);
  requireThat(hashBlake3Hex(bytes) === source.blake3, file, "", "Its BLAKE3 is not the one in the manifest.");
  requireThat(
    createHash("sha256").update(bytes).digest("hex") === source.sha256,
    manifestFile,
    "source.sha256",
    "It is not the archive's.",
  );
  requireThat(bytes.byteLength === source.size_bytes, manifestFile, "source.size_bytes", "It is not the archive's.");
  if (objects === undefined) return;
  const isOfCommit = await objects.run(refs, [], async (repository) => {
    const path = await writeSourceArchive(repository, commit, `${project_id}-${commit}`);
    const own = await hashUnpacked(createReadStream(path));
    // Another version of git may compress the same tree differently. What is not compressed at all is no archive.
    return own === (await hashUnpacked([bytes]).catch(() => undefined));
  });
  requireThat(isOfCommit, file, "", `It is not the archive of commit ${commit}.`);
}

async function hashUnpacked(packed: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<string> {
  const hash = createHash("sha256");
  const { Readable } = await import("node:stream");
  for await (const chunk of Readable.from(packed).pipe(createGunzip())) hash.update(chunk as Uint8Array);
  return hash.digest("hex");
}

function receiptTag({ refs }: Receipt): string {
  return refs[0]?.name.replace("refs/tags/", "") ?? "";
}

function toText(value: unknown): string | undefined {
  return value === undefined ? undefined : toCanonicalText(value);
}

function isStoredJson(bytes: Uint8Array, value: object): boolean {
  return Buffer.from(`${toCanonicalText(value)}\n`, "utf8").equals(bytes);
}
