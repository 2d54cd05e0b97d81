import type { GitKeys } from "../../domain/charter/keys.js";
import { buildDenial, type Denial, denyWith, grantValue, type Outcome, wrapDenial } from "../../domain/denial.js";
import { openObjectSource } from "../objects/object-source.js";
import { parseCommitLinks } from "../objects/object-text.js";
import { type AddedPaths, TreePaths } from "../objects/tree-paths.js";
import type { OpenRepository } from "../open-repository.js";
import type { CheckedPack } from "../packs/checked-pack.js";
import { listVisibleRefs } from "../refs/refs-state.js";
import { measurePathsByGit } from "../stock-git/paths-by-git.js";
import type { IncomingLimits } from "./incoming-limits.js";
import type { IngestedPush } from "./ingested.js";
import { checkRegistryCommits, listRegistryCommitsByGit, namesRegistry } from "./registry-commits.js";

/**
 * Checks that the tip is a commit, and that no commit that becomes visible with it adds too long a path or too many paths, or is in the
 * registry's name but not by it. Returns the inspected commits that the tip reaches, which suffice to recognise most fast-forwards.
 */
export async function inspectCommits(
  repository: OpenRepository,
  { tip, pack, created }: IngestedPush,
  limits: IncomingLimits,
  readGitKeys: () => Promise<GitKeys>,
): Promise<Outcome<ReadonlySet<string>>> {
  const source = openObjectSource(repository, pack);
  try {
    const type = await source.readType(tip);
    if (type === undefined)
      return denyWith("bundle_invalid", `The tip ${tip} is neither in the bundle nor in the repository. Make the bundle again.`);
    if (type !== "commit")
      return denyWith("bundle_invalid", `The tip ${tip} is a ${type}; a branch points to a commit. Bundle the branch, not the ${type}.`);
  } finally {
    await source.close();
  }
  const known = new Set(listVisibleRefs(repository.state.refs).map(([, { id, peeled }]) => peeled ?? id));
  if (known.has(tip)) return grantValue(new Set([tip]));
  // isomorphic-git holds a whole pack in memory, so git inspects large ones. For a small one, starting git would double the time of the push.
  const walked = pack?.bytes === undefined ? undefined : await measurePathsInProcess(repository, pack, tip, known);
  const measured = walked === undefined ? await measurePathsByGit(repository, tip) : grantValue(walked.paths);
  if (!measured.ok) return measured;
  for (const [commit, paths] of measured.value) {
    const problem = checkPaths(commit, paths, limits);
    if (problem !== undefined) return wrapDenial(problem);
  }
  if (created.length === 0) {
    const genuine = await checkRegistryCommits(
      repository,
      walked?.byRegistry ?? (await listRegistryCommitsByGit(repository, tip)),
      readGitKeys,
    );
    if (!genuine.ok) return genuine;
  }
  return grantValue(walked?.seen ?? new Set([tip]));
}

interface WalkedPack {
  readonly paths: ReadonlyMap<string, AddedPaths>;
  readonly seen: ReadonlySet<string>;
  readonly byRegistry: readonly string[] | undefined;
}

/**
 * Like {@link measurePathsByGit}, for a pack in memory. `seen` also contains the known commits on which those of the pack are based.
 * Returns undefined if they are based on one that no ref points to, because an earlier pack may have stored it without a check of its
 * paths. `byRegistry` are the commits in the registry's name, or undefined if only git can tell.
 */
export async function measurePathsInProcess(
  repository: OpenRepository,
  pack: CheckedPack,
  tip: string,
  known: ReadonlySet<string>,
): Promise<WalkedPack | undefined> {
  const source = openObjectSource(repository, pack);
  const trees = new TreePaths(source);
  const measured = new Map<string, AddedPaths>();
  const seen = new Set<string>();
  let byRegistry: string[] | undefined = [];
  const queue = [tip];
  for (let id = queue.pop(); id !== undefined; id = queue.pop()) {
    repository.signal.throwIfAborted();
    if (seen.has(id)) continue;
    seen.add(id);
    if (known.has(id)) continue;
    if (!pack.index.has(id)) return undefined;
    const { bytes } = await source.read(id);
    const { tree, parents } = parseCommitLinks(bytes);
    const isByRegistry = namesRegistry(bytes);
    if (isByRegistry === undefined) byRegistry = undefined;
    else if (isByRegistry) byRegistry?.push(id);
    const [first] = parents;
    const base = first === undefined ? undefined : parseCommitLinks((await source.read(first)).bytes).tree;
    measured.set(id, await trees.measureAddedPaths(tree, base));
    queue.push(...parents);
  }
  return { paths: measured, seen, byRegistry };
}

function checkPaths(commit: string, { longestBytes, longest, count }: AddedPaths, limits: IncomingLimits): Denial | undefined {
  if (longestBytes > limits.pathMaxBytes)
    return buildDenial(
      "limit_exceeded",
      `Commit ${commit} has a path of ${longestBytes} bytes; ${limits.pathMaxBytes} are allowed: ${longest.slice(0, 120)}…`,
    );
  if (count <= limits.objectsMaxCount) return undefined;
  return buildDenial("limit_exceeded", `Commit ${commit} adds ${count} paths; ${limits.objectsMaxCount} are allowed.`);
}
