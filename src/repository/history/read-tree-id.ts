import type { OpenRepository } from "../open-repository.js";

/** Reads the tree of a commit that is in the act's scratch repository or in the cache behind it. */
export async function readTreeId(repository: OpenRepository, commit: string): Promise<string> {
  return (await repository.readGitOutput({ args: ["rev-parse", `${commit}^{tree}`] })).toString("latin1").trim();
}
