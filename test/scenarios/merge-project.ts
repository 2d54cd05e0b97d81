import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { expect } from "vitest";
import type { CardAnswer } from "../../src/client/answers.js";
import type { CardAsk } from "../../src/client/http/registry-client.js";
import { lookUpMerge } from "../../src/client/merging.js";
import { mirrorRepository } from "../../src/demo/mirror.js";
import type { MergeProtectedParams } from "../../src/domain/act/job.js";
import type { ServedRegistry } from "../harness/registry.js";
import { Clone, createTemporaryFolder } from "../repository/real-git.js";
import { approveAsEach, buildPush, openScenarioCard, pushOrThrow, registerByCard } from "./acts.js";

export const MERGE = "git.registry.merge_protected";

/** A project whose `main` was merged from `feature/base`, and whose branches `feature/x` and `feature/y` each add a file. */
export class MergeProject {
  readonly clone = new Clone();
  private constructor(
    readonly registry: ServedRegistry,
    readonly id: string,
    readonly tenant: string | undefined,
  ) {}

  static async create(registry: ServedRegistry, id: string, tenant?: string): Promise<MergeProject> {
    const made = new MergeProject(registry, await registerByCard(registry, id, tenant === undefined ? {} : { tenant }), tenant);
    made.clone.commit("README.md", "hello\n");
    await made.push("feature/base");
    await made.push("feature/x", "x.txt");
    await made.push("feature/y", "y.txt");
    const card = await made.openMergeCard("feature/base", "main", { strategy: "fast-forward" });
    expect(await approveAsEach(registry, card, ["bob"], tenant)).toMatchObject({ status: "success", level: "L4" });
    return made;
  }

  /** Pushes a branch at the base, or one commit ahead of it if a file is named. */
  async push(branch: string, file?: string, text = `${branch}\n`, who = "admin"): Promise<string> {
    const { clone } = this;
    clone.git("checkout", "-q", "-B", branch, branch === "feature/base" ? "HEAD" : this.#base());
    if (file !== undefined) clone.commit(file, text);
    const old = await this.readTip(branch);
    await pushOrThrow(this.registry.as(who, this.tenant), buildPush(this.id, branch, old, clone.bundle(branch), { force: old !== null }));
    return clone.readHead();
  }

  #base(): string {
    return this.clone.git("rev-list", "--max-parents=0", "HEAD");
  }

  async readTip(branch: string): Promise<string | null> {
    return (await this.registry.as("admin", this.tenant).findRef(this.id, `refs/heads/${branch}`)) ?? null;
  }

  async buildParams(source: string, target: string, changes: Partial<MergeProtectedParams> = {}): Promise<MergeProtectedParams> {
    const client = this.registry.as("admin", this.tenant);
    const { params, target_tip } = await lookUpMerge(client, { project_id: this.id, source, target, strategy: "merge" });
    if (params === undefined) throw new Error(`${source} is not a branch`);
    return { ...params, expected_target: target_tip, ...changes };
  }

  async openMergeCard(
    source: string,
    target: string,
    changes: Partial<MergeProtectedParams> = {},
    more: Partial<CardAsk> = {},
  ): Promise<CardAnswer> {
    return this.open(await this.buildParams(source, target, changes), more);
  }

  open(params: MergeProtectedParams, more: Partial<CardAsk> = {}, who = "admin"): Promise<CardAnswer> {
    return openScenarioCard(this.registry.as(who, this.tenant), { jobType: MERGE, params, ...more });
  }

  /** Returns stock git over a clone of the stored repository's mirror, which must pass fsck. */
  async cloneMirror(): Promise<(...args: string[]) => string> {
    const folder = join(createTemporaryFolder("ogr-mirror-"), "repo.git");
    await mirrorRepository(this.registry.store, this.tenant ?? "T.UBL", this.id, folder);
    const git = (...args: string[]) => execFileSync("git", ["-c", "safe.directory=*", ...args], { encoding: "utf8", stdio: "pipe" });
    git("--git-dir", folder, "fsck", "--strict");
    git("clone", "-q", folder, `${folder}.clone`);
    return (...args) => git("-C", `${folder}.clone`, ...args);
  }
}
