import { execFileSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import type { MergeProtectedParams, PinnedMergeParams } from "../../../src/domain/act/job.js";
import { ZERO_ID } from "../../../src/domain/git/git-id.js";
import type { JobContext } from "../../../src/lab512/jobs/job.js";
import { Clone } from "../../repository/real-git.js";
import { copyPrefix, executeTestJob, planTestJob, type Stage, value } from "./stage.js";

const MERGE = "git.registry.merge_protected";

/** A project with one clone, whose branches are pushed and then merged. */
export class MergeProject {
  readonly clone = new Clone();
  readonly #pushed = new Map<string, string>();

  private constructor(
    readonly stage: Stage,
    readonly id: string,
  ) {}

  static async register(stage: Stage): Promise<MergeProject> {
    const project = new MergeProject(stage, `P.${randomUUID()}`);
    await stage.init(project.id);
    return project;
  }

  /** Checks out a branch, and creates it if it does not exist. */
  checkOut(branch: string, from?: string): this {
    const exists = this.clone.git("branch", "--list", branch) !== "";
    if (exists) this.clone.git("checkout", "-q", branch);
    else this.clone.git("checkout", "-q", "-b", branch, ...(from === undefined ? [] : [from]));
    return this;
  }

  /** Force-pushes the branches to the registry. */
  async push(...branches: string[]): Promise<void> {
    for (const branch of branches) {
      const bundle = this.clone.bundle(branch);
      const expected_old = this.#pushed.get(branch) ?? ZERO_ID;
      value(await this.stage.push(bundle, { project_id: this.id, branch, expected_old, force: true }));
      this.#pushed.set(branch, this.clone.readHead(branch));
    }
  }

  /** The parameters of a merge of the pushed tips, with `changes` applied. */
  buildParams(source: string, target: string, changes: Partial<PinnedMergeParams> = {}): PinnedMergeParams {
    const [expected_source = ZERO_ID, expected_target = ZERO_ID] = [source, target].map((branch) => this.#pushed.get(branch));
    return { project_id: this.id, source, target, expected_source, expected_target, strategy: "merge", ...changes };
  }

  plan(params: MergeProtectedParams) {
    return planTestJob(this.stage.buildContext(), MERGE, params);
  }

  merge(params: MergeProtectedParams, changes: Partial<JobContext> = {}, jti: string = randomUUID()) {
    return executeTestJob(this.stage.buildContext(changes), MERGE, params, jti);
  }

  /** Merges. Returns the effects, stock git over a copy of the stored repository, and the target's new tip. */
  async mergeAndCopy(params: MergeProtectedParams, jti: string = randomUUID()) {
    const effects = value(await this.merge(params, {}, jti));
    const git = await this.copy();
    return { effects, git, tip: git("rev-parse", `refs/heads/${params.target}`).trim() };
  }

  /** Returns stock git over a copy of the stored repository, which must pass fsck. */
  async copy(): Promise<(...args: string[]) => string> {
    const folder = await copyPrefix(this.stage, this.id);
    const git = (...args: string[]) => execFileSync("git", ["--git-dir", folder, ...args], { encoding: "utf8", stdio: "pipe" });
    git("fsck", "--strict", "--no-dangling");
    return git;
  }
}
