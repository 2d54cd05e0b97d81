import { mkdir, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { runGit, runGitForLines, tryGit } from "../client/git/git-command.js";
import { checkBranchName, findDirectoryConflict } from "../domain/git/ref-name.js";

/** A real history, ready to be pushed: a bare repository with one ref for each branch that the registry gets. */
export interface DemoHistory {
  readonly folder: string;
  /** The default branch first. */
  readonly branches: readonly DemoBranch[];
  /** Where there is only one branch: what it was one commit earlier, so that something can be pushed without a card too. */
  readonly earlier: DemoBranch | undefined;
  readonly commits: number;
  /** What a person should know about it: what was cut off or made up. */
  readonly remarks: readonly string[];
}

export interface DemoBranch {
  /** The branch in the source. */
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
  /** Whether a folder that is no repository gives its files. */
  readonly takesPlainFiles: boolean;
}

/**
 * Takes the branches of the repository at `source` into a bare repository of the demo's own, which borrows the source's objects; the
 * source is only read. A shallow clone gives what history it has, rewritten to begin where the clone does; a repository without
 * commits gives one commit of its files.
 *
 * @throws GitRefused when `source` is no repository that git can read.
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

/** Local branches, and those of `origin` that have no local one; the default branch first. A detached HEAD alone counts as `head`. */
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
  const specs = named.map(({ name, ref }) => `+${ref}:refs/heads/${name}`);
  await runGit(
    folder,
    ["fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--stdin", source],
    specs.map((spec) => `${spec}\n`).join(""),
  );
}

async function rewriteShallowHistory(source: string, folder: string, named: readonly NamedRef[]): Promise<void> {
  const stream = await runGit(source, [
    "fast-export",
    "--signed-tags=strip",
    "--refspec",
    "refs/remotes/origin/*:refs/heads/*",
    ...named.map(({ ref }) => ref),
  ]);
  await runGit(folder, ["fast-import", "--quiet"], stream.replaceAll(/^(commit|reset) HEAD$/gm, "$1 refs/heads/head"));
}

async function commitFiles(source: string, folder: string): Promise<void> {
  const here = [`--git-dir=${folder}`, `--work-tree=${source}`];
  await runGit(source, [...here, "-c", "core.bare=false", "add", "--all"]);
  await runGit(source, [
    ...here,
    "-c",
    "core.bare=false",
    ...AUTHOR,
    "commit",
    "--quiet",
    "--no-verify",
    "--message",
    "The files of this clone",
  ]);
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

/** `feature/<name>`, with what the registry's grammar of refs does not take replaced, and never in another branch's way. */
export function toRegistryBranch(name: string, taken: readonly string[]): string {
  const plain = `feature/${name}`;
  const safe =
    checkBranchName(plain) === undefined
      ? plain
      : `feature/${
          name
            .replace(/[^A-Za-z0-9._-]+/g, "-")
            .replace(/^[.-]+|[.-]+$/g, "")
            .slice(0, 100) || "branch"
        }`;
  const isFree = (candidate: string) => !taken.includes(candidate) && findDirectoryConflict(candidate, taken) === undefined;
  if (isFree(safe)) return safe;
  for (let number = 2; ; number += 1) {
    const flat = `feature/${safe.slice("feature/".length).replaceAll("/", "-")}-${number}`;
    if (isFree(flat)) return flat;
  }
}
