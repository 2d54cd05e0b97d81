import { denyWith, grantValue, type Outcome, wrapDenial } from "../../domain/denial.js";
import { checkDecisionLines } from "../../domain/git/decision-lines.js";
import { EMPTY_TREE, ZERO_ID } from "../../domain/git/git-id.js";
import { REGISTRY_IDENTITY } from "../../domain/git/registry-identity.js";
import { readTreeId } from "../history/read-tree-id.js";
import { type CommitText, writeCommit } from "../objects/commit-object.js";
import type { OpenRepository } from "../open-repository.js";
import { makePack } from "../packs/make-pack.js";
import { applyPatch, type PatchTree } from "./apply-patch.js";
import { type BlobChange, type PatchBytes, readDiff } from "./diff-form.js";
import { toGitInput } from "./incoming-bytes.js";
import type { IncomingLimits } from "./incoming-limits.js";
import type { CreatedCommit, IngestedPush, IngestRequest } from "./ingested.js";
import { type Mail, splitMails } from "./mail-series.js";

/**
 * Applies a diff, or each mail of a series, to the branch's tree and packs the commits. Denials: `patch_does_not_apply`,
 * `registry_impersonated`, and a pack's.
 */
export async function ingestPatch(
  repository: OpenRepository,
  kind: "diff" | "mail_series",
  request: IngestRequest,
  limits: IncomingLimits,
): Promise<Outcome<IngestedPush>> {
  const steps = kind === "diff" ? await buildDiffStep(request) : await buildMailSteps(repository, request);
  if (!steps.ok) return steps;
  const tree: PatchTree = { repository, limits, indexPath: repository.getScratch().resolvePath("index") };
  const created: CreatedCommit[] = [];
  let parent = request.old;
  for (const [at, { patch, text, blobs }] of steps.value.entries()) {
    const refused = checkDecisionLines(text.message);
    if (refused !== undefined) return wrapDenial(refused);
    const applied = await applyPatch(tree, created.length === 0 ? parent : undefined, patch);
    if (!applied.ok) return applied;
    const changed = await findOtherContent(repository, created.at(-1)?.tree ?? parent, applied.value, blobs);
    if (changed !== undefined) return denyWith("patch_does_not_apply", formatOtherContent(at + 1, changed));
    const id = await writeCommit(repository.getScratch(), applied.value, parent === ZERO_ID ? [] : [parent], text, request.making);
    created.push({
      id,
      tree: applied.value,
      author: text.author.name,
      author_email: text.author.email,
      authored_at_ms: text.author.date === undefined ? undefined : text.author.date.seconds * 1000,
      message: text.message,
    });
    parent = id;
  }
  if (request.old !== ZERO_ID && (await readTreeId(repository, request.old)) === created.at(-1)?.tree)
    return denyWith("nothing_to_do", "The patch changes no file.");
  const range = request.old === ZERO_ID ? [parent] : [parent, `^${request.old}`];
  const pack = await makePack(repository, ["--revs"], range, limits);
  return pack.ok ? grantValue({ tip: parent, pack: pack.value, created }) : pack;
}

/** The maximum number of bytes of git's list of what a patch changed. */
const CHANGES_MAX_BYTES = 64 * 1024 * 1024;

/**
 * Finds a file whose content after the patch is not the one that the patch's index lines say, although it was made against the content that is
 * there; undefined if there is none.
 */
async function findOtherContent(
  repository: OpenRepository,
  before: string,
  after: string,
  blobs: readonly BlobChange[],
): Promise<string | undefined> {
  if (blobs.length === 0) return undefined;
  const output = await repository.readGitOutput({
    args: ["diff-tree", "-r", "-z", "--raw", "--no-renames", "--abbrev=40", before === ZERO_ID ? EMPTY_TREE : before, after],
    outputMaxBytes: CHANGES_MAX_BYTES,
  });
  const fields = output.toString("utf8").split("\0");
  const changes = fields.flatMap((field, at) => {
    const [, old, next] = /^:\d+ \d+ ([0-9a-f]{40}) ([0-9a-f]{40}) /.exec(field) ?? [];
    return old === undefined || next === undefined ? [] : [{ old, next, path: fields[at + 1] ?? "" }];
  });
  const findByNext = indexByBeginning(changes, ({ next }) => next);
  const findByOld = indexByBeginning(changes, ({ old }) => old);
  const wrong = blobs.find((blob) => findByNext(blob.after) === undefined && findByOld(blob.before) !== undefined);
  return wrong === undefined ? undefined : findByOld(wrong.before)?.path;
}

/** Returns how to find an item by the beginning of its id. It costs the same for each, however many there are. */
function indexByBeginning<T>(items: readonly T[], toId: (item: T) => string): (beginning: string) => T | undefined {
  const byLength = new Map<number, Map<string, T>>();
  return (beginning) => {
    const { length } = beginning;
    const known = byLength.get(length) ?? new Map(items.map((item) => [toId(item).slice(0, length), item]));
    byLength.set(length, known);
    return known.get(beginning);
  };
}

function formatOtherContent(number: number, path: string): string {
  return `Patch ${number} would give ${JSON.stringify(path.slice(0, 200))} another content than its index line says: line ends or characters were changed on the way. Send it as git wrote it, or push a bundle.`;
}

interface PatchStep {
  readonly patch: PatchBytes;
  readonly text: CommitText;
  readonly blobs: readonly BlobChange[];
}

/** A plain diff has no author, so the registry is its author. The permit and the receipt name who pushed it. */
async function buildDiffStep({ incoming, commit_summary }: IngestRequest): Promise<Outcome<PatchStep[]>> {
  const patch = toGitInput(incoming);
  const blobs = await readDiff(patch, { isMail: false });
  const text = { author: { ...REGISTRY_IDENTITY, date: undefined }, message: `${commit_summary}\n` };
  return blobs.ok ? grantValue([{ patch, text, blobs: blobs.value }]) : blobs;
}

async function buildMailSteps(repository: OpenRepository, { incoming }: IngestRequest): Promise<Outcome<PatchStep[]>> {
  const mails = await splitMails(repository, toGitInput(incoming));
  return mails.ok
    ? grantValue(mails.value.map(({ patchPath, text, blobs }: Mail) => ({ patch: { path: patchPath, offsetBytes: 0 }, text, blobs })))
    : mails;
}
