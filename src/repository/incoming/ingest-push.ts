import type { GitKeys } from "../../domain/charter/keys.js";
import { buildDenial, denyWith, grantValue, type Outcome } from "../../domain/denial.js";
import { ZERO_ID } from "../../domain/git/git-id.js";
import { isAncestor } from "../history/ancestry.js";
import type { OpenRepository } from "../open-repository.js";
import { denyCrash } from "../within-limits.js";
import { readBeginning } from "./incoming-bytes.js";
import { inspectCommits } from "./incoming-commits.js";
import type { IncomingLimits } from "./incoming-limits.js";
import { ingestBundle } from "./ingest-bundle.js";
import { ingestPatch } from "./ingest-patch.js";
import type { IngestedPush, IngestRequest } from "./ingested.js";

export interface CheckedPush extends IngestedPush {
  /** Null for a new branch. */
  readonly fast_forward: boolean | null;
}

/**
 * Turns pushed bytes (a bundle, a diff, a format-patch series) into commits in the scratch repository and checks them; nothing is visible
 * yet. Denials: `bundle_invalid`, `prerequisite_missing`, `patch_does_not_apply`, `objects_invalid`, `registry_impersonated`,
 * `limit_exceeded`, `not_fast_forward`, `nothing_to_do`.
 */
export async function ingestPush(
  repository: OpenRepository,
  request: IngestRequest,
  limits: IncomingLimits,
  readGitKeys: () => Promise<GitKeys>,
): Promise<Outcome<CheckedPush>> {
  const { incoming, old } = request;
  const kind = detectIncomingKind(await readBeginning(incoming, 64 * 1024));
  if (kind === undefined)
    return denyWith(
      "bundle_invalid",
      "The bytes are neither a git bundle, a unified diff, nor a format-patch series. Send what git wrote with nothing before it: no byte-order mark, empty line or other text.",
    );
  const ingested = await denyCrash(
    () => (kind === "bundle" ? ingestBundle(repository, incoming, limits) : ingestPatch(repository, kind, request, limits)),
    buildDenial("bundle_invalid", "git itself crashes when it reads these bytes. Make them again; if that does not help, push a bundle."),
  );
  if (!ingested.ok) return ingested;
  const { tip, pack, created } = ingested.value;
  const commits = await inspectCommits(repository, ingested.value, limits, readGitKeys);
  if (!commits.ok) return commits;
  if (tip === old) return denyWith("nothing_to_do", `The branch is already ${tip}. There is nothing to push.`);
  const fastForward = old === ZERO_ID ? null : await isAncestor(repository, old, tip, commits.value);
  if (fastForward === false && !request.force)
    return denyWith(
      "not_fast_forward",
      `${tip} does not contain ${old}; moving the branch would drop commits. Merge or rebase, or request a force push.`,
    );
  // If the store has the tip, it also has everything that the tip reaches, so nothing is stored twice.
  const known = pack !== undefined && (await repository.getReader().readInfo(tip)) !== undefined;
  return grantValue({ tip, pack: known ? undefined : pack, created, fast_forward: fastForward });
}

type IncomingKind = "bundle" | "diff" | "mail_series";

/**
 * Detects the kind of pushed bytes from `start`, their first few KiB. Returns undefined if it is unknown. A diff begins with its first file:
 * what stands before would be an author or a message, which `git apply` skips.
 */
function detectIncomingKind(start: Buffer): IncomingKind | undefined {
  const text = start.toString("latin1");
  if (/^# v\d+ git bundle\n/.test(text)) return "bundle";
  if (/^From \S+ [^\n]*\d{4}\r?\n/.test(text)) return "mail_series";
  return /^(?:diff |--- \S|Index: )/.test(text) ? "diff" : undefined;
}
