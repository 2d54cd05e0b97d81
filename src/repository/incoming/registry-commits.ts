import type { GitKeys } from "../../domain/charter/keys.js";
import { buildDenial, type Denial, grantValue, type Outcome, wrapDenial } from "../../domain/denial.js";
import { splitSignedCommit, verifyGitSignature } from "../../domain/git/git-signature.js";
import { isRegistryEmail, REGISTRY_IDENTITY } from "../../domain/git/registry-identity.js";
import { readCommits } from "../objects/read-commits.js";
import type { OpenRepository } from "../open-repository.js";
import { runWithinLimits } from "../within-limits.js";

/** The maximum number of commits in the registry's name in one push: each signature takes time to verify. */
const REGISTRY_COMMITS_MAX = 10_000;

/**
 * Returns whether a commit names the registry as its committer. Of several committer lines git shows the last and other software the
 * first, and of several addresses in a line each can be shown, so each counts, also where git decodes the text to another one. Returns
 * undefined if only git can tell, which decodes other encodings.
 */
export function namesRegistry(commit: Buffer): boolean | undefined {
  const end = commit.indexOf("\n\n");
  // A commit without a message can end with its header.
  const header = commit.toString("utf8", 0, end === -1 ? commit.length : end + 1);
  const committers = [...header.matchAll(/^committer (.*)/gm)].map(([, line = ""]) => line);
  const addresses = committers.flatMap((line) => [...line.matchAll(/<([^<>]*)/g)].map(([, address = ""]) => address));
  if (addresses.some(isRegistryEmail)) return true;
  return /^encoding /m.test(header) ? undefined : false;
}

/**
 * Lists at least the commits that `tip` reaches, no visible ref does, and that name the registry as committer, as they are or as git decodes
 * them. Lists at most one more than are allowed.
 */
export async function listRegistryCommitsByGit(repository: OpenRepository, tip: string): Promise<string[]> {
  repository.getScratch().writeRefs(repository.state.refs);
  const matching = ["--fixed-strings", "--regexp-ignore-case", `--committer=${REGISTRY_IDENTITY.email}`];
  const format = ["--format=%H", `--max-count=${REGISTRY_COMMITS_MAX + 1}`];
  const range = [tip, "--not", "--branches", "--tags", "--"];
  const list = async (encoding: string) => {
    const args = ["log", "--no-mailmap", `--encoding=${encoding}`, ...format, ...matching, ...range];
    return (await repository.readGitOutput({ args })).toString("latin1").split("\n").slice(0, -1);
  };
  const [decoded, stored] = await Promise.all([list("UTF-8"), list("none")]);
  return [...new Set([...decoded, ...stored])].slice(0, REGISTRY_COMMITS_MAX + 1);
}

/**
 * Checks that the registry signed those of the commits that name it as committer: it signs every commit that it makes, so another one is somebody
 * else's work in its name. Denials: `registry_impersonated`, `limit_exceeded`.
 */
export async function checkRegistryCommits(
  repository: OpenRepository,
  commits: readonly string[],
  readGitKeys: () => Promise<GitKeys>,
): Promise<Outcome<null>> {
  if (commits.length === 0) return grantValue(null);
  const tooMany = `The push has more than ${REGISTRY_COMMITS_MAX} commits of the registry, or too large ones. Push the history in several steps.`;
  if (commits.length > REGISTRY_COMMITS_MAX) return wrapDenial(buildDenial("limit_exceeded", tooMany));
  const { valid } = await readGitKeys();
  const findForged = async (): Promise<string | undefined> => {
    for await (const [id, commit] of readCommits(repository, commits)) {
      if (namesRegistry(commit) === false) continue;
      const signed = splitSignedCommit(commit);
      if (signed === undefined || verifyGitSignature(signed, valid) !== "valid") return id;
    }
    return undefined;
  };
  const forged = await runWithinLimits(findForged(), tooMany);
  if (!forged.ok) return forged;
  return forged.value === undefined ? grantValue(null) : wrapDenial(buildForgeryDenial(forged.value));
}

function buildForgeryDenial(id: string): Denial {
  const { email } = REGISTRY_IDENTITY;
  return buildDenial(
    "registry_impersonated",
    `Commit ${id} names the registry (${email}) as its committer, but no git key of the charter signed it. Commit it as yourself (git rebase --force-rebase), or push the registry's own commit unchanged.`,
  );
}
