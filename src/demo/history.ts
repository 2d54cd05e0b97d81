import { mkdir, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { git, gitAnswer, gitLines } from "../client/git/git-command.js";
import { branchNameProblem, directoryConflict } from "../domain/git/ref-name.js";

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
  readonly plain_files: boolean;
}

/**
 * Takes the branches of the repository at `source` into a bare repository of the demo's own, which borrows the source's objects; the
 * source is only read. A shallow clone gives what history it has, rewritten to begin where the clone does; a repository without
 * commits gives one commit of its files.
 *
 * @throws GitRefused when `source` is no repository that git can read.
 */
export async function takeHistory({ path: source, plain_files }: HistorySource, folder: string): Promise<DemoHistory> {
  await mkdir(folder, { recursive: true });
  await git(folder, ["init", "--quiet", "--bare", "--initial-branch=demo", "."]);
  const isRepository = plain_files
    ? (await gitAnswer(source, ["rev-parse", "--git-dir"])) !== undefined
    : (await git(source, ["rev-parse", "--git-dir"])) !== "";
  const remarks: string[] = [];
  const named = isRepository ? await sourceBranches(source) : [];
  if (named.length === 0) {
    remarks.push("the repository has no commits: its files are pushed as one commit");
    await commitFiles(source, folder);
    named.push({ name: "main", ref: "refs/heads/main" });
  } else if ((await gitAnswer(source, ["rev-parse", "--is-shallow-repository"])) === "true") {
    remarks.push("the clone is shallow: the history that it has is pushed, rewritten to begin where the clone does");
    await rewriteShallow(source, folder, named);
  } else await borrow(source, folder, named);
  return { folder, remarks, ...(await describe(folder, named)) };
}

interface NamedRef {
  readonly name: string;
  readonly ref: string;
}

/** Local branches, and those of `origin` that have no local one; the default branch first. A detached HEAD alone counts as `head`. */
async function sourceBranches(source: string): Promise<NamedRef[]> {
  const refs = await gitLines(source, ["for-each-ref", "--format=%(refname)", "refs/heads", "refs/remotes/origin"]);
  const local = refs.filter((ref) => ref.startsWith("refs/heads/")).map((ref) => ({ name: ref.slice("refs/heads/".length), ref }));
  const remote = refs
    .filter((ref) => ref.startsWith("refs/remotes/origin/") && ref !== "refs/remotes/origin/HEAD")
    .map((ref) => ({ name: ref.slice("refs/remotes/origin/".length), ref }))
    .filter(({ name }) => !local.some((one) => one.name === name));
  const all = [...local, ...remote];
  const head = await gitAnswer(source, ["symbolic-ref", "--quiet", "HEAD"]);
  if (head === undefined && all.length === 0 && (await gitAnswer(source, ["rev-parse", "--verify", "--quiet", "HEAD"])) !== undefined)
    return [{ name: "head", ref: "HEAD" }];
  const first = all.find((one) => one.ref === head) ?? all.find((one) => one.name === "main") ?? all[0];
  return first === undefined ? [] : [first, ...all.filter((one) => one !== first)];
}

async function borrow(source: string, folder: string, named: readonly NamedRef[]): Promise<void> {
  const objects = resolve(source, (await git(source, ["rev-parse", "--git-path", "objects"])).trim());
  await writeFile(join(folder, "objects", "info", "alternates"), `${objects}\n`);
  const specs = named.map(({ name, ref }) => `+${ref}:refs/heads/${name}`);
  await git(
    folder,
    ["fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--stdin", source],
    specs.map((spec) => `${spec}\n`).join(""),
  );
}

async function rewriteShallow(source: string, folder: string, named: readonly NamedRef[]): Promise<void> {
  const stream = await git(source, [
    "fast-export",
    "--signed-tags=strip",
    "--refspec",
    "refs/remotes/origin/*:refs/heads/*",
    ...named.map(({ ref }) => ref),
  ]);
  await git(folder, ["fast-import", "--quiet"], stream.replaceAll(/^(commit|reset) HEAD$/gm, "$1 refs/heads/head"));
}

async function commitFiles(source: string, folder: string): Promise<void> {
  const here = [`--git-dir=${folder}`, `--work-tree=${source}`];
  await git(source, [...here, "-c", "core.bare=false", "add", "--all"]);
  await git(source, [
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
  await git(folder, ["update-ref", "refs/heads/main", "HEAD"]);
}

async function describe(folder: string, named: readonly NamedRef[]): Promise<Pick<DemoHistory, "branches" | "earlier" | "commits">> {
  const branches: DemoBranch[] = [];
  for (const { name } of named) {
    const ref = `refs/heads/${name}`;
    const tip = (await git(folder, ["rev-parse", "--verify", ref])).trim();
    const taken = branches.map((one) => one.branch);
    branches.push({ source: name, branch: registryBranch(name, taken), ref, tip });
  }
  const commits = Number(await git(folder, ["rev-list", "--count", ...branches.map((one) => one.ref)]));
  return { branches, earlier: await oneCommitEarlier(folder, branches), commits };
}

async function oneCommitEarlier(folder: string, [only, ...others]: readonly DemoBranch[]): Promise<DemoBranch | undefined> {
  if (only === undefined || others.length > 0) return undefined;
  const tip = await gitAnswer(folder, ["rev-parse", "--verify", "--quiet", `${only.tip}^1`]);
  if (tip === undefined) return undefined;
  const ref = "refs/demo/earlier";
  await git(folder, ["update-ref", ref, tip]);
  return { ...only, ref, tip };
}

/** `feature/<name>`, with what the registry's grammar of refs does not take replaced, and never in another branch's way. */
export function registryBranch(name: string, taken: readonly string[]): string {
  const plain = `feature/${name}`;
  const safe =
    branchNameProblem(plain) === undefined
      ? plain
      : `feature/${
          name
            .replace(/[^A-Za-z0-9._-]+/g, "-")
            .replace(/^[.-]+|[.-]+$/g, "")
            .slice(0, 100) || "branch"
        }`;
  const free = (candidate: string) => !taken.includes(candidate) && directoryConflict(candidate, taken) === undefined;
  if (free(safe)) return safe;
  for (let number = 2; ; number += 1) {
    const flat = `feature/${safe.slice("feature/".length).replaceAll("/", "-")}-${number}`;
    if (free(flat)) return flat;
  }
}
