import { runGitForPaths, tryGit } from "../../../client/git/git-command.js";
import { CHANGELOG_PATH, REGISTRY_PATH } from "../../../infra/files.js";
import type { Finding } from "../../../infra/finding.js";
import { type ValidationInput, validateRegistry } from "../../../infra/validate.js";
import { type Checkout, listDirtyPaths, readFilesAt, readWorkingFiles, refuseInfra } from "./checkout.js";

/**
 * Validates the working tree, and compares it with a base commit if there is one. Untracked files, such as a report written into the
 * checkout, count as changes only with `untracked: "all"`. @throws InfraRefused
 */
export async function validateCheckout(checkout: Checkout, base: string | undefined, untracked: "all" | "no"): Promise<Finding[]> {
  const head = await readWorkingFiles(checkout);
  return validateRegistry(base === undefined ? { head } : { head, base: await compareWithBase(checkout, base, untracked) });
}

async function compareWithBase(checkout: Checkout, base: string, untracked: "all" | "no"): Promise<NonNullable<ValidationInput["base"]>> {
  const { root } = checkout;
  const fork = await tryGit(root, ["merge-base", base, "HEAD"]);
  if (fork === undefined && (await tryGit(root, ["rev-parse", "--is-shallow-repository"])) === "true")
    throw refuseInfra(
      "revision_unknown",
      `This checkout is shallow and lacks the commit where HEAD left ${base.slice(0, 12)}; fetch the whole history: git fetch --unshallow origin (fetch-depth: 0 in GitHub Actions).`,
    );
  const listChangedPaths = (...args: string[]) => runGitForPaths(root, ["diff", "--name-only", "--no-renames", "-z", ...args]);
  const committed = await listChangedPaths(fork ?? base, "HEAD");
  // A branch without a common ancestor cannot contain the base's registry.
  const isStale = fork === undefined || (await listChangedPaths(fork, base, "--", REGISTRY_PATH, CHANGELOG_PATH)).length > 0;
  const changedPaths = [...new Set([...committed, ...(await listDirtyPaths(checkout, untracked))])];
  return { ...(await readFilesAt(checkout, base)), changedPaths, isStale };
}
