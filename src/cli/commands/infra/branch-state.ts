import { git, gitAnswer } from "../../../client/git/git-command.js";
import { CHANGELOG_PATH, REGISTRY_PATH } from "../../../infra/files.js";
import type { Finding } from "../../../infra/finding.js";
import { type ValidationInput, validate } from "../../../infra/validate.js";
import { type Checkout, dirtyPaths, filesAt, filesHere, no } from "./checkout.js";

/**
 * Validates the working tree, against a base commit where there is one. A file that git does not know is no part of a change (a report
 * that is written into the checkout, say), unless the change is to be taken as it lies there: `untracked`. @throws InfraRefused
 */
export async function findingsOf(checkout: Checkout, base: string | undefined, untracked: "all" | "no"): Promise<Finding[]> {
  const head = await filesHere(checkout);
  return validate(base === undefined ? { head } : { head, base: await comparedWith(checkout, base, untracked) });
}

async function comparedWith(checkout: Checkout, base: string, untracked: "all" | "no"): Promise<NonNullable<ValidationInput["base"]>> {
  const { root } = checkout;
  const fork = await gitAnswer(root, ["merge-base", base, "HEAD"]);
  if (fork === undefined && (await gitAnswer(root, ["rev-parse", "--is-shallow-repository"])) === "true")
    throw no(
      "revision_unknown",
      `This checkout is shallow, and where HEAD left ${base.slice(0, 12)} is not in it; fetch all of it: git fetch --unshallow origin (fetch-depth: 0 in GitHub Actions).`,
    );
  const names = async (...args: string[]) => {
    const text = await git(root, ["diff", "--name-only", "--no-renames", "-z", ...args]);
    return text.split("\0").filter((name) => name !== "");
  };
  const committed = await names(fork ?? base, "HEAD");
  // A branch that shares no history with its base cannot have the base's registry in its own.
  const is_stale = fork === undefined || (await names(fork, base, "--", REGISTRY_PATH, CHANGELOG_PATH)).length > 0;
  const changed_paths = [...new Set([...committed, ...(await dirtyPaths(checkout, untracked))])];
  return { ...(await filesAt(checkout, base)), changed_paths, is_stale };
}
