import { denyWith, grantValue, type Outcome } from "../../domain/denial.js";
import { ZERO_ID } from "../../domain/git/git-id.js";
import type { OpenRepository } from "../open-repository.js";
import { toGitFault } from "../stock-git/stock-git.js";
import type { PatchBytes } from "./diff-form.js";
import { buildAllocationLimitEnv, type IncomingLimits } from "./incoming-limits.js";

/** A temporary index in the scratch repository, to which the patches of one push are applied in order. */
export interface PatchTree {
  readonly repository: OpenRepository;
  readonly limits: IncomingLimits;
  readonly indexPath: string;
}

/**
 * Applies a patch and returns the new tree. `from` first resets the index to a commit, or to the empty tree for zeros. Denials:
 * `patch_does_not_apply`, `limit_exceeded`.
 */
export async function applyPatch(
  { repository, limits, indexPath }: PatchTree,
  from: string | undefined,
  patch: PatchBytes,
): Promise<Outcome<string>> {
  const env = { GIT_INDEX_FILE: indexPath, ...buildAllocationLimitEnv(limits) };
  if (from !== undefined) await repository.readGitOutput({ env, args: from === ZERO_ID ? ["read-tree", "--empty"] : ["read-tree", from] });
  const call = { env, args: ["apply", "--cached", "--whitespace=nowarn", "-"], input: patch };
  const answer = await repository.runGit(call);
  if (answer.code !== 0) {
    if (/attempting to allocate/.test(answer.stderr))
      return denyWith("limit_exceeded", `The patch creates a file larger than ${limits.blobMaxBytes} bytes.`);
    if (answer.code > 1 && !/^(?:error|fatal): /m.test(answer.stderr)) throw toGitFault(call, answer);
    return denyWith("patch_does_not_apply", formatPatchRefusal(answer.stderr));
  }
  const tree = await repository.readGitOutput({ env, args: ["write-tree"] });
  return grantValue(tree.toString("latin1").trim());
}

function formatPatchRefusal(stderr: string): string {
  const lines = stderr.split("\n").filter((line) => /^(?:error|fatal): /.test(line));
  const reason = (lines[0] ?? stderr).replace(/^(?:error|fatal): /, "").slice(0, 300);
  const file =
    /patch failed: (.+):\d+$/m.exec(stderr)?.[1] ??
    /^error: (.+): (?:patch does not apply|does not exist in index|already exists in index|does not match index|wrong type|No such file)/m.exec(
      stderr,
    )?.[1] ??
    /invalid path '(.+)'/.exec(stderr)?.[1];
  return file === undefined
    ? `The patch cannot be applied: ${reason}.`
    : `The patch does not apply to ${file}: ${reason}. Make it against the current branch.`;
}
