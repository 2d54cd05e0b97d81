import type { OpenRepository } from "../../src/repository/open-repository.js";
import { openStage, type Stage, TENANT, value } from "../lab512/jobs/stage.js";
import { Clone } from "./real-git.js";

const PROJECT = "P.crafted";

/** A project on a Runner's repositories, and a clone whose commits can have paths of any bytes and any modes. */
export class CraftedProject {
  readonly clone = new Clone();

  private constructor(private readonly stage: Stage) {}

  static async open(): Promise<CraftedProject> {
    const stage = await openStage("directory");
    await stage.init(PROJECT);
    return new CraftedProject(stage);
  }

  close(): Promise<void> {
    return this.stage.close();
  }

  writeBlob(text: string): string {
    return this.clone.run(["hash-object", "-w", "--stdin"], Buffer.from(text)).toString("utf8").trim();
  }

  /** Commits the index of the first parent after updates by lines of `mode object\tpath`, as the branch `index`. */
  commitIndex(parents: readonly string[], ...lines: readonly (string | Buffer)[]): string {
    const { clone } = this;
    clone.git("read-tree", parents[0] ?? "");
    const updates = lines.flatMap((line) => [Buffer.from(line), Buffer.of(0)]);
    clone.run(["update-index", "-z", "--index-info"], Buffer.concat(updates));
    const commit = clone.git("commit-tree", clone.git("write-tree"), "-m", "index", ...parents.flatMap((parent) => ["-p", parent]));
    clone.git("update-ref", "refs/heads/index", commit);
    return commit;
  }

  /** Pushes what a ref of the clone reaches to a branch. */
  async push(ref: string, branch: string): Promise<void> {
    value(await this.stage.push(this.clone.bundle(ref), { project_id: PROJECT, branch }));
  }

  /** Opens the project's repository while `look` runs. */
  async inspect<T>(look: (repository: OpenRepository) => Promise<T>): Promise<T> {
    const { repositories, store } = this.stage;
    const repository = await repositories.open(store, { tenant_id: TENANT, project_id: PROJECT }, new AbortController().signal);
    if (repository === undefined) throw new Error("the repository does not exist");
    try {
      return await look(repository);
    } finally {
      await repository.close();
    }
  }
}
