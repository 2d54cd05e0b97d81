import { denyWith, grantValue, type Outcome, wrapDenial } from "../../domain/denial.js";
import { checkDecisionLines } from "../../domain/git/decision-lines.js";
import { ZERO_ID } from "../../domain/git/git-id.js";
import { REGISTRY_IDENTITY } from "../../domain/git/registry-identity.js";
import { readTreeId } from "../history/read-tree-id.js";
import { type CommitText, writeCommit } from "../objects/commit-object.js";
import type { OpenRepository } from "../open-repository.js";
import { makePack } from "../packs/make-pack.js";
import { applyPatch, type PatchTree } from "./apply-patch.js";
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
  const steps = kind === "diff" ? grantValue([buildDiffStep(request)]) : await buildMailSteps(repository, request);
  if (!steps.ok) return steps;
  const tree: PatchTree = { repository, limits, indexPath: repository.getScratch().resolvePath("index") };
  const created: CreatedCommit[] = [];
  let parent = request.old;
  for (const { patch, text } of steps.value) {
    const refused = checkDecisionLines(text.message);
    if (refused !== undefined) return wrapDenial(refused);
    const applied = await applyPatch(tree, created.length === 0 ? parent : undefined, patch);
    if (!applied.ok) return applied;
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

interface PatchStep {
  readonly patch: Uint8Array | { readonly path: string; readonly offsetBytes: number };
  readonly text: CommitText;
}

/** A plain diff has no author, so the registry is its author. The permit and the receipt name who pushed it. */
function buildDiffStep({ incoming, commit_summary }: IngestRequest): PatchStep {
  return { patch: toGitInput(incoming), text: { author: { ...REGISTRY_IDENTITY, date: undefined }, message: `${commit_summary}\n` } };
}

async function buildMailSteps(repository: OpenRepository, { incoming }: IngestRequest): Promise<Outcome<PatchStep[]>> {
  const mails = await splitMails(repository, toGitInput(incoming));
  return mails.ok
    ? grantValue(mails.value.map((mail: Mail) => ({ patch: { path: mail.patchPath, offsetBytes: 0 }, text: mail.text })))
    : mails;
}
