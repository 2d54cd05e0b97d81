import { type Denial, denyWith, grantValue, type Outcome, wrapDenial } from "../../domain/denial.js";
import { openObjectSource } from "../objects/object-source.js";
import { parseCommitLinks } from "../objects/object-text.js";
import { TreePaths } from "../objects/tree-paths.js";
import type { OpenRepository } from "../open-repository.js";
import type { CheckedPack } from "../packs/checked-pack.js";
import { listVisibleRefs } from "../refs/refs-state.js";
import { checkPaths, checkPathsByGit } from "../stock-git/paths-by-git.js";
import type { IncomingLimits } from "./incoming-limits.js";

/** The commits of a push, seen from its tip. */
export interface IncomingCommits {
  /** The commits of the tip that were inspected: enough to recognise most fast-forwards. */
  readonly seen: ReadonlySet<string>;
}

/** Checks that the tip is a commit and that no commit that becomes visible with it adds too long a path or too many paths. */
export async function inspectCommits(
  repository: OpenRepository,
  pack: CheckedPack | undefined,
  tip: string,
  limits: IncomingLimits,
  signal: AbortSignal,
): Promise<Outcome<IncomingCommits>> {
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
  const known = listVisibleCommits(repository);
  // isomorphic-git holds a whole pack in memory, so git inspects large ones. For small ones git would take a process, half of a push of one line.
  if (known.has(tip)) return grantValue({ seen: new Set([tip]) });
  const walked = pack?.bytes === undefined ? undefined : await walkCommits(repository, pack, tip, known, limits, signal);
  if (walked !== undefined && "code" in walked) return wrapDenial(walked);
  if (walked !== undefined) return grantValue(walked);
  const problem = await checkPathsByGit(repository, tip, limits, signal);
  return problem === undefined ? grantValue({ seen: new Set([tip]) }) : wrapDenial(problem);
}

/** Undefined if the commits rest on one that no ref points to: an earlier pack may have stored it without a check of its paths. */
async function walkCommits(
  repository: OpenRepository,
  pack: CheckedPack,
  tip: string,
  known: ReadonlySet<string>,
  limits: IncomingLimits,
  signal: AbortSignal,
): Promise<IncomingCommits | Denial | undefined> {
  const source = openObjectSource(repository, pack);
  const paths = new TreePaths(source);
  const readLinks = async (id: string) => parseCommitLinks((await source.read(id)).bytes);
  const seen = new Set([tip]);
  const queue = [tip];
  for (let id = queue.pop(); id !== undefined; id = queue.pop()) {
    signal.throwIfAborted();
    if (known.has(id)) continue;
    if (!pack.index.has(id)) return undefined;
    const { tree, parents } = await readLinks(id);
    const [first] = parents;
    const problem = checkPaths(
      id,
      await paths.measureChangedPaths(tree, first === undefined ? undefined : (await readLinks(first)).tree),
      limits,
    );
    if (problem !== undefined) return problem;
    for (const parent of parents) {
      if (seen.has(parent)) continue;
      seen.add(parent);
      queue.push(parent);
    }
  }
  return { seen };
}

function listVisibleCommits(repository: OpenRepository): Set<string> {
  return new Set(listVisibleRefs(repository.state.refs).map(([, { id, peeled }]) => peeled ?? id));
}
