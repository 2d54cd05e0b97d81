import type { OpenRepository } from "../open-repository.js";

/** The tree of a commit in the act's scratch repository or behind it. */
export async function readTreeId(repository: OpenRepository, commit: string, signal: AbortSignal): Promise<string> {
  const { gitDir } = repository.getScratch();
  return (await repository.git.readOutput({ gitDir, args: ["rev-parse", `${commit}^{tree}`], signal })).toString("latin1").trim();
}
