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
 * first, so each counts. Returns undefined for a text in another encoding, which only git decodes.
 */
export function namesRegistry(commit: Buffer): boolean | undefined {
  const end = commit.indexOf("\n\n");
  // A commit without a message can end with its header.
  const header = commit.toString("utf8", 0, end === -1 ? commit.length : end + 1);
  if (/^encoding /m.test(header)) return undefined;
  return [...header.matchAll(/^committer [^<\n]*<([^>\n]*)>/gm)].some(([, email = ""]) => isRegistryEmail(email));
}

/**
 * Lists at least the commits that `tip` reaches, no visible ref does, and that name the registry as committer in any encoding. Lists at
 * most one more than are allowed.
 */
export async function listRegistryCommitsByGit(repository: OpenRepository, tip: string): Promise<string[]> {
  repository.getScratch().writeRefs(repository.state.refs);
  const matching = ["--fixed-strings", "--regexp-ignore-case", `--committer=${REGISTRY_IDENTITY.email}`];
  const format = ["--format=%H", "--encoding=UTF-8", `--max-count=${REGISTRY_COMMITS_MAX + 1}`];
  const range = [tip, "--not", "--branches", "--tags", "--"];
  const listed = await repository.readGitOutput({ args: ["log", "--no-mailmap", ...format, ...matching, ...range] });
  return listed.toString("latin1").split("\n").slice(0, -1);
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
