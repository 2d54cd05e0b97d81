import { denied, granted, type Outcome } from "../../domain/denial.js";
import { ZERO_ID } from "../../domain/git/git-id.js";
import { type CommitText, writeCommit } from "../objects/commit-object.js";
import type { OpenRepository } from "../open-repository.js";
import { takePack } from "../packs/check-pack.js";
import { REGISTRY_IDENTITY } from "../registry-identity.js";
import { applyPatch, type PatchTree } from "./apply-patch.js";
import { gitInput } from "./incoming-bytes.js";
import type { IncomingLimits } from "./incoming-limits.js";
import type { CreatedCommit, Ingested, IngestRequest } from "./ingested.js";
import { type Mail, splitMails } from "./mail-series.js";

/** Applies a diff, or each mail of a series, on the branch's tree and packs the commits. Denials: `patch_does_not_apply`, and a pack's. */
export async function ingestPatch(
  repository: OpenRepository,
  kind: "diff" | "mail_series",
  request: IngestRequest,
  limits: IncomingLimits,
  signal: AbortSignal,
): Promise<Outcome<Ingested>> {
  const steps = kind === "diff" ? granted([diffStep(request)]) : await mailSteps(repository, request, signal);
  if (!steps.ok) return steps;
  const tree: PatchTree = { repository, limits, signal, indexPath: repository.scratch().file("index") };
  const created: CreatedCommit[] = [];
  let parent = request.old;
  for (const { patch, text } of steps.value) {
    const applied = await applyPatch(tree, created.length === 0 ? parent : undefined, patch);
    if (!applied.ok) return applied;
    const id = await writeCommit(repository.scratch(), applied.value, parent === ZERO_ID ? [] : [parent], text, request.iat_ms);
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
  if (request.old !== ZERO_ID && (await treeOf(repository, request.old, signal)) === created.at(-1)?.tree)
    return denied("nothing_to_do", "The patch changes no file.");
  const pack = await packCommits(repository, parent, request.old, limits, signal);
  return pack.ok ? granted({ tip: parent, pack: pack.value, created }) : pack;
}

interface Step {
  readonly patch: Uint8Array | { readonly path: string; readonly offset_bytes: number };
  readonly text: CommitText;
}

/** A plain diff names nobody, so the registry is its author; who pushed it stands in the permit and the receipt. */
function diffStep({ incoming, commit_summary }: IngestRequest): Step {
  return { patch: gitInput(incoming), text: { author: { ...REGISTRY_IDENTITY, date: undefined }, message: `${commit_summary}\n` } };
}

async function mailSteps(repository: OpenRepository, { incoming }: IngestRequest, signal: AbortSignal): Promise<Outcome<Step[]>> {
  const mails = await splitMails(repository, gitInput(incoming), signal);
  return mails.ok
    ? granted(mails.value.map((mail: Mail) => ({ patch: { path: mail.patchPath, offset_bytes: 0 }, text: mail.text })))
    : mails;
}

async function treeOf(repository: OpenRepository, commit: string, signal: AbortSignal): Promise<string> {
  const { gitDir } = repository.scratch();
  return (await repository.git.output({ gitDir, args: ["rev-parse", `${commit}^{tree}`], signal })).toString("latin1").trim();
}

/** One pack of what the new commits add, through the same checks as a pack from outside. */
async function packCommits(repository: OpenRepository, tip: string, old: string, limits: IncomingLimits, signal: AbortSignal) {
  const scratch = repository.scratch();
  const path = scratch.file("made.pack");
  const range = old === ZERO_ID ? `${tip}\n` : `${tip}\n^${old}\n`;
  await repository.git.output({
    gitDir: scratch.gitDir,
    args: ["pack-objects", "--revs", "--stdout", "--quiet", "--threads=1"],
    input: Buffer.from(range),
    outputPath: path,
    signal,
  });
  return takePack(repository, { path, offset_bytes: 0 }, limits, signal);
}
