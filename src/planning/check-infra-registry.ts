import { dirname } from "node:path/posix";
import { buildDenial, type Denial } from "../domain/denial.js";
import { ZERO_ID } from "../domain/git/git-id.js";
import type { RefMove } from "../domain/git/ref-move.js";
import { toBranchRef } from "../domain/git/ref-name.js";
import { CHANGELOG_PATH, REGISTRY_PATH } from "../infra/files.js";
import { type RegistryFiles, validateRegistry } from "../infra/validate.js";
import type { OpenRepository } from "../repository/open-repository.js";
import { toGitFault } from "../repository/stock-git/stock-git.js";
import type { PlanningContext } from "./context.js";

/** The number of findings in a denial; `ogr infra validate` shows all. */
const FINDINGS_SHOWN_MAX = 3;
const FILE_MAX_BYTES = 16 * 1024 * 1024;
const OWN = [REGISTRY_PATH, CHANGELOG_PATH];

/** The branch that holds the effective infra registry. */
const INFRA_REF = toBranchRef("main");

/**
 * Checks the infra registry that these moves would put on `main` of the project that holds it; other projects and branches are not
 * checked. Returns its problem, or undefined. `new` can name a tree. It replaces the CI of a registry at a git host (infra registry v2
 * "All changes are validated before merge").
 */
export async function checkInfraRegistry(
  context: PlanningContext,
  repository: OpenRepository,
  moves: readonly RefMove[],
): Promise<Denial | undefined> {
  const move = context.keepsInfra ? moves.find(({ name }) => name === INFRA_REF) : undefined;
  if (move === undefined || move.old === move.new) return undefined;
  const odd = move.new === ZERO_ID ? undefined : await findOddEntry(repository, move.new);
  if (odd !== undefined) return buildDenial("infra_invalid", odd);
  const [before, head] = [await readRegistryFiles(repository, move.old), await readRegistryFiles(repository, move.new)];
  const changedPaths = move.old === ZERO_ID || move.new === ZERO_ID ? OWN : await listChangedPaths(repository, move.old, move.new);
  const base = move.old === ZERO_ID ? {} : { base: { ...before, changedPaths, isStale: false } };
  const errors = validateRegistry({ head, ...base }).filter(({ severity }) => severity === "error");
  if (errors.length === 0) return undefined;
  const shown = errors.slice(0, FINDINGS_SHOWN_MAX).map(({ file, line, message, rule }) => `${file}:${line}: ${message} (${rule})`);
  const more = errors.length > shown.length ? ` And ${errors.length - shown.length} more.` : "";
  return buildDenial(
    "infra_invalid",
    `main would have an invalid infra registry: ${shown.join(" ")}${more} Fix it on a branch (ogr infra validate --base main), push that, and open a new card.`,
  );
}

/**
 * Finds what stands in the place of the registry's folder or of one of its files without being one. git shows the target of a symbolic link as the
 * bytes of a blob, but whoever reads a clone follows the link.
 */
async function findOddEntry(repository: OpenRepository, treeish: string): Promise<string | undefined> {
  for (const path of [dirname(REGISTRY_PATH), ...OWN]) {
    const line = (await repository.readGitOutput({ args: ["ls-tree", treeish, "--", path] })).toString("latin1");
    const mode = line.slice(0, line.indexOf(" "));
    const wanted = OWN.includes(path) ? "100" : "040";
    if (line !== "" && !mode.startsWith(wanted))
      return `main would have ${path} as ${MODE_NAMES[mode.slice(0, 3)] ?? "something else"}, not as a ${wanted === "100" ? "regular file" : "folder"}. Replace it on a branch, push that, and open a new card.`;
  }
  return undefined;
}

const MODE_NAMES: Readonly<Record<string, string>> = { "040": "a folder", "100": "a file", "120": "a symbolic link", "160": "a submodule" };

async function readRegistryFiles(repository: OpenRepository, treeish: string): Promise<RegistryFiles> {
  if (treeish === ZERO_ID) return { registry: undefined, changelog: undefined };
  const [registry, changelog] = await Promise.all(
    [REGISTRY_PATH, CHANGELOG_PATH].map((path) => readFileAt(repository, `${treeish}:${path}`)),
  );
  return { registry, changelog };
}

/** Returns undefined if nothing exists there. Anything but a file reads as empty, which is not valid. */
async function readFileAt(repository: OpenRepository, object: string): Promise<Buffer | undefined> {
  const type = await repository.runGit({ args: ["cat-file", "-t", object] });
  if (type.code !== 0) return undefined;
  if (type.stdout.toString("latin1").trim() !== "blob") return Buffer.alloc(0);
  const call = { args: ["cat-file", "blob", object], outputMaxBytes: FILE_MAX_BYTES };
  const answer = await repository.runGitWithinOutput(call);
  // A valid registry is never that large, so the file also reads as empty.
  if (answer === undefined) return Buffer.alloc(0);
  if (answer.code !== 0) throw toGitFault(call, answer);
  return answer.stdout;
}

async function listChangedPaths(repository: OpenRepository, before: string, after: string): Promise<string[]> {
  const call = { args: ["diff-tree", "-r", "-z", "--name-only", before, after] };
  const answer = await repository.runGit(call);
  if (answer.code !== 0) throw toGitFault(call, answer);
  return answer.stdout
    .toString("utf8")
    .split("\0")
    .filter((path) => path !== "");
}
