import type { OpenRepository } from "../open-repository.js";

/** The tree of a commit in the act's scratch repository or behind it. */
export async function readTreeId(repository: OpenRepository, commit: string): Promise<string> {
  return (await repository.readGitOutput({ args: ["rev-parse", `${commit}^{tree}`] })).toString("latin1").trim();
}
