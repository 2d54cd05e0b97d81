import { runGit, tryGit } from "../../../client/git/git-command.js";
import { CHANGELOG_PATH, REGISTRY_PATH } from "../../../infra/files.js";
import type { Finding } from "../../../infra/finding.js";
import { type ValidationInput, validateRegistry } from "../../../infra/validate.js";
import { type Checkout, listDirtyPaths, readFilesAt, readWorkingFiles, refuseInfra } from "./checkout.js";

/**
 * Validates the working tree, against a base commit where there is one. A file that git does not know is no part of a change (a report
 * that is written into the checkout, say), unless the change is to be taken as it lies there: `untracked`. @throws InfraRefused
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
      `This checkout is shallow, and where HEAD left ${base.slice(0, 12)} is not in it; fetch all of it: git fetch --unshallow origin (fetch-depth: 0 in GitHub Actions).`,
    );
  const listChangedPaths = async (...args: string[]) => {
    const text = await runGit(root, ["diff", "--name-only", "--no-renames", "-z", ...args]);
    return text.split("\0").filter((name) => name !== "");
  };
  const committed = await listChangedPaths(fork ?? base, "HEAD");
  // A branch that shares no history with its base cannot have the base's registry in its own.
  const isStale = fork === undefined || (await listChangedPaths(fork, base, "--", REGISTRY_PATH, CHANGELOG_PATH)).length > 0;
  const changedPaths = [...new Set([...committed, ...(await listDirtyPaths(checkout, untracked))])];
  return { ...(await readFilesAt(checkout, base)), changedPaths: changedPaths, isStale: isStale };
}
