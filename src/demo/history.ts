import { mkdir, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { runGit, runGitForLines, tryGit } from "../client/git/git-command.js";
import { checkBranchName, findDirectoryConflict } from "../domain/git/ref-name.js";

/** A real history to push: a bare repository with one ref for each branch. */
export interface DemoHistory {
  readonly folder: string;
  /** The default branch first. */
  readonly branches: readonly DemoBranch[];
  /** If there is only one branch: the same branch one commit earlier, so that one push needs no card. */
  readonly earlier: DemoBranch | undefined;
  readonly commits: number;
  /** Remarks for a person: which parts were cut off or made up. */
  readonly remarks: readonly string[];
}

export interface DemoBranch {
  /** The branch's name in the source. */
  readonly source: string;
  /** Its name in the registry. */
  readonly branch: string;
  /** The ref in the bare repository. */
  readonly ref: string;
  readonly tip: string;
}

const AUTHOR = ["-c", "user.name=Office Git Registry demo", "-c", "user.email=demo@ubl.example"];

export interface HistorySource {
  readonly path: string;
  /** Whether the files of a folder that is no repository are pushed. */
  readonly takesPlainFiles: boolean;
}

/**
 * Takes the branches of a repository into a bare repository of the demo, which borrows the source's objects. Only reads the source. The
 * history of a shallow clone is rewritten to begin where the clone does. A repository without commits becomes one commit of its files.
 *
 * @throws GitRefused if git cannot read the repository
 */
export async function takeHistory({ path: source, takesPlainFiles }: HistorySource, folder: string): Promise<DemoHistory> {
  await mkdir(folder, { recursive: true });
  await runGit(folder, ["init", "--quiet", "--bare", "--initial-branch=demo", "."]);
  const isRepository = takesPlainFiles
    ? (await tryGit(source, ["rev-parse", "--git-dir"])) !== undefined
    : (await runGit(source, ["rev-parse", "--git-dir"])) !== "";
  const remarks: string[] = [];
  const named = isRepository ? await listSourceBranches(source) : [];
  if (named.length === 0) {
    remarks.push("the repository has no commits: its files are pushed as one commit");
    await commitFiles(source, folder);
    named.push({ name: "main", ref: "refs/heads/main" });
  } else if ((await tryGit(source, ["rev-parse", "--is-shallow-repository"])) === "true") {
    remarks.push("the clone is shallow: the history that it has is pushed, rewritten to begin where the clone does");
    await rewriteShallowHistory(source, folder, named);
  } else await borrowObjects(source, folder, named);
  return { folder, remarks, ...(await describeBranches(folder, named)) };
}

interface NamedRef {
  readonly name: string;
  readonly ref: string;
}

/** Lists local branches, and those of `origin` without a local one; the default branch first. A detached HEAD alone is listed as `head`. */
async function listSourceBranches(source: string): Promise<NamedRef[]> {
  const refs = await runGitForLines(source, ["for-each-ref", "--format=%(refname)", "refs/heads", "refs/remotes/origin"]);
  const local = refs.filter((ref) => ref.startsWith("refs/heads/")).map((ref) => ({ name: ref.slice("refs/heads/".length), ref }));
  const remote = refs
    .filter((ref) => ref.startsWith("refs/remotes/origin/") && ref !== "refs/remotes/origin/HEAD")
    .map((ref) => ({ name: ref.slice("refs/remotes/origin/".length), ref }))
    .filter(({ name }) => !local.some((one) => one.name === name));
  const all = [...local, ...remote];
  const head = await tryGit(source, ["symbolic-ref", "--quiet", "HEAD"]);
  if (head === undefined && all.length === 0 && (await tryGit(source, ["rev-parse", "--verify", "--quiet", "HEAD"])) !== undefined)
    return [{ name: "head", ref: "HEAD" }];
  const first = all.find((one) => one.ref === head) ?? all.find((one) => one.name === "main") ?? all[0];
  return first === undefined ? [] : [first, ...all.filter((one) => one !== first)];
}

async function borrowObjects(source: string, folder: string, named: readonly NamedRef[]): Promise<void> {
  const objects = resolve(source, (await runGit(source, ["rev-parse", "--git-path", "objects"])).trim());
  await writeFile(join(folder, "objects", "info", "alternates"), `${objects}\n`);
  const specs = named.map(({ name, ref }) => `+${ref}:refs/heads/${name}\n`);
  await runGit(folder, ["fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--stdin", source], specs.join(""));
}

async function rewriteShallowHistory(source: string, folder: string, named: readonly NamedRef[]): Promise<void> {
  const options = ["--signed-tags=strip", "--refspec=refs/remotes/origin/*:refs/heads/*"];
  const stream = await runGit(source, ["fast-export", ...options, ...named.map(({ ref }) => ref)]);
  await runGit(folder, ["fast-import", "--quiet"], stream.replaceAll(/^(commit|reset) HEAD$/gm, "$1 refs/heads/head"));
}

async function commitFiles(source: string, folder: string): Promise<void> {
  const here = [`--git-dir=${folder}`, `--work-tree=${source}`, "-c", "core.bare=false", ...AUTHOR];
  await runGit(source, [...here, "add", "--all"]);
  await runGit(source, [...here, "commit", "--quiet", "--no-verify", "--message=The files of this clone"]);
  await runGit(folder, ["update-ref", "refs/heads/main", "HEAD"]);
}

async function describeBranches(
  folder: string,
  named: readonly NamedRef[],
): Promise<Pick<DemoHistory, "branches" | "earlier" | "commits">> {
  const branches: DemoBranch[] = [];
  for (const { name } of named) {
    const ref = `refs/heads/${name}`;
    const tip = (await runGit(folder, ["rev-parse", "--verify", ref])).trim();
    const taken = branches.map((one) => one.branch);
    branches.push({ source: name, branch: toRegistryBranch(name, taken), ref, tip });
  }
  const commits = Number(await runGit(folder, ["rev-list", "--count", ...branches.map((one) => one.ref)]));
  return { branches, earlier: await createEarlierBranch(folder, branches), commits };
}

async function createEarlierBranch(folder: string, [only, ...others]: readonly DemoBranch[]): Promise<DemoBranch | undefined> {
  if (only === undefined || others.length > 0) return undefined;
  const tip = await tryGit(folder, ["rev-parse", "--verify", "--quiet", `${only.tip}^1`]);
  if (tip === undefined) return undefined;
  const ref = "refs/demo/earlier";
  await runGit(folder, ["update-ref", ref, tip]);
  return { ...only, ref, tip };
}

/** Returns `feature/<name>`. Replaces what the registry's grammar of refs refuses, and avoids the branches of `taken`. */
export function toRegistryBranch(name: string, taken: readonly string[]): string {
  const plain = name.replace(/[^A-Za-z0-9._-]+/g, "-").replace(/^[.-]+|[.-]+$/g, "");
  const safe = `feature/${checkBranchName(`feature/${name}`) === undefined ? name : plain.slice(0, 100) || "branch"}`;
  const isFree = (candidate: string) => !taken.includes(candidate) && findDirectoryConflict(candidate, taken) === undefined;
  if (isFree(safe)) return safe;
  for (let number = 2; ; number += 1) {
    const flat = `feature/${safe.slice("feature/".length).replaceAll("/", "-")}-${number}`;
    if (isFree(flat)) return flat;
  }
}
