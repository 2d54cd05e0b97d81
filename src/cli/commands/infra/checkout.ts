import { join } from "node:path";
import { runGit, runGitForBytes, runGitForLines, runGitForPaths, tryGit } from "../../../client/git/git-command.js";
import { CHANGELOG_PATH, REGISTRY_PATH } from "../../../infra/files.js";
import { refuseInfraAct } from "../../../infra/refusal.js";
import type { RegistryFilePaths } from "../../../infra/registry-files.js";
import type { RegistryFiles } from "../../../infra/validate.js";
import { readPlainFile } from "../../../process/durable-file.js";
import { InfraRefused } from "./refused.js";

/** The branch that holds the authoritative registry. Source: infra registry v2. */
export const MAIN = "main";

/** A git checkout that keeps an infra registry. */
export interface Checkout {
  /** Its top folder, absolute. */
  readonly root: string;
  readonly place: RegistryFilePaths;
}

/** Opens the checkout that contains a folder. @throws InfraRefused */
export async function openCheckout(folder: string): Promise<Checkout> {
  const root = await tryGit(folder, ["rev-parse", "--show-toplevel"]);
  if (root === undefined || root === "")
    throw refuseInfra("not_a_checkout", `${folder} is in no git checkout; change into the registry's checkout.`);
  // The lock lies in git's own folder, where it does not make the tree dirty.
  const lock = await runGit(root, ["rev-parse", "--path-format=absolute", "--git-path", "ogr-infra.lock"]);
  return { root, place: { registry: join(root, REGISTRY_PATH), changelog: join(root, CHANGELOG_PATH), lock: lock.trim() } };
}

/** Returns the checked-out branch. @throws InfraRefused if none is */
export async function readCurrentBranch({ root }: Checkout): Promise<string> {
  const branch = await tryGit(root, ["symbolic-ref", "--quiet", "--short", "HEAD"]);
  if (branch === undefined)
    throw refuseInfra("head_detached", "No branch is checked out (detached HEAD); switch to one: git switch <branch>.");
  return branch;
}

/** Returns the current branch. @throws InfraRefused on main */
export async function requireChangeBranch(checkout: Checkout): Promise<string> {
  const branch = await readCurrentBranch(checkout);
  if (branch === MAIN)
    throw refuseInfra(
      "branch_is_main",
      "The registry cannot be changed on main; create a branch: scripts/infra/helpers/new-branch.sh infra/<what>.",
    );
  return branch;
}

/** Lists the paths with uncommitted changes, with or without (`no`) untracked files. */
export async function listDirtyPaths({ root }: Checkout, untracked: "all" | "no" = "all"): Promise<string[]> {
  const entries = await runGitForPaths(root, ["status", "--porcelain=v1", "-z", `--untracked-files=${untracked}`, "--no-renames"]);
  return entries.map((entry) => entry.slice(3));
}

/** @throws InfraRefused unless everything is committed */
export async function assertCleanTree(checkout: Checkout): Promise<void> {
  const paths = await listDirtyPaths(checkout);
  if (paths.length > 0) throw refuseInfra("tree_dirty", `The working tree has changes: ${formatPaths(paths)}. Commit or undo them.`);
}

/** Resolves a revision to a commit. @throws InfraRefused */
export async function resolveCommit({ root }: Checkout, revision: string): Promise<string> {
  const commit = await tryGit(root, ["rev-parse", "--verify", "--quiet", "--end-of-options", `${revision}^{commit}`]);
  if (commit === undefined)
    throw refuseInfra("revision_unknown", `${revision} names no commit of this checkout; fetch it, or use another one.`);
  return commit;
}

/** Reads both files at a commit. */
export async function readFilesAt({ root }: Checkout, commit: string): Promise<RegistryFiles> {
  const readBlob = async (path: string) => {
    const [entry] = await runGitForLines(root, ["ls-tree", commit, "--", path]);
    return entry === undefined ? undefined : runGitForBytes(root, ["cat-file", "blob", `${commit}:${path}`]);
  };
  return { registry: await readBlob(REGISTRY_PATH), changelog: await readBlob(CHANGELOG_PATH) };
}

/** Reads both files in the working tree. */
export async function readWorkingFiles({ place }: Checkout): Promise<RegistryFiles> {
  return { registry: await readPlainFile(place.registry), changelog: await readPlainFile(place.changelog) };
}

export function formatPaths(paths: readonly string[]): string {
  const more = paths.length > 5 ? ` and ${paths.length - 5} more` : "";
  return `${paths.slice(0, 5).join(", ")}${more}`;
}

export function refuseInfra(...[code, message]: Parameters<typeof refuseInfraAct>): InfraRefused {
  return new InfraRefused(refuseInfraAct(code, message).refusal);
}
