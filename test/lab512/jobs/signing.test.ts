import { execFileSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { GitJobType, ParamsOf } from "../../../src/domain/act/job.js";
import { formatSshPublicKey } from "../../../src/domain/git/git-signature.js";
import { ARCHIVED_REF } from "../../../src/domain/git/ref-name.js";
import { REGISTRY_IDENTITY } from "../../../src/domain/git/registry-identity.js";
import { readRefs } from "../../../src/repository/refs/refs-state.js";
import { cloneBare, hasSshKeygen, openGitVerifier } from "../../repository/git-verification.js";
import { buildBatch, buildLine, TELEMETRY } from "../../telemetry/lines.js";
import { MergeProject } from "./merges.js";
import { copyPrefix, createKey, dieAfterStep, executeTestJob, GIT_KEY, openStage, type Stage, TENANT, value } from "./stage.js";

const ALLOWED = `${REGISTRY_IDENTITY.email} namespaces="git" ${formatSshPublicKey(GIT_KEY.jwk)}\n`;
const DIFF = "diff --git a/n.txt b/n.txt\nnew file mode 100644\n--- /dev/null\n+++ b/n.txt\n@@ -0,0 +1 @@\n+new\n";

describe("what the registry makes", () => {
  let stage: Stage;
  beforeAll(async () => {
    stage = await openStage("directory");
    await stage.init(TELEMETRY);
  });
  afterAll(() => stage.close());

  const run = async <T extends GitJobType>(jobType: T, params: ParamsOf<T>) =>
    value(await executeTestJob(stage.buildContext(), jobType, params));

  /** A project with a merge and a squash on `main`, and a branch of two commits by patches. */
  async function prepareProject() {
    const project = await MergeProject.register(stage);
    const base = project.checkOut("main").clone.commit("a.txt", "a\n");
    project.checkOut("feature/x", "main").clone.commit("x.txt", "x\n");
    project.checkOut("feature/y", "main").clone.commit("y.txt", "y\n");
    const series = project.clone.run(["format-patch", "--stdout", `${base}..feature/x`]);
    await project.push("main", "feature/x", "feature/y");
    const merged = value(await project.merge(project.buildParams("feature/x", "main"))).commit ?? "";
    const squash = { ...project.buildParams("feature/y", "main", { strategy: "squash" }), expected_target: merged };
    const squashed = value(await project.merge(squash)).commit ?? "";
    const mail = { project_id: project.id, branch: "feature/mail", expected_old: "0".repeat(40) };
    const applied = value(await stage.push(Buffer.from(DIFF), mail)).commit ?? "";
    const mailed = value(await stage.push(series, { ...mail, expected_old: applied })).commit ?? "";
    return { project, base, merged, squashed, applied, mailed };
  }

  it.skipIf(!hasSshKeygen())("is verified by stock git, in the stored repository and in a clone of it", async () => {
    const { project, base, merged, squashed, applied, mailed } = await prepareProject();
    const project_id = project.id;
    await run("git.registry.tag_release", { project_id, tag: "v1.0.0", commit: squashed, notes: "First.\n" });
    await run("git.registry.archive", { project_id, archived: true, reason: "It is done." });
    const mark = (await readRefs(stage.store, { tenant_id: TENANT, project_id }))?.refs.get(ARCHIVED_REF)?.id ?? "";
    const stored = await copyPrefix(stage, project_id);
    const { verifyCommit } = openGitVerifier(stored, ALLOWED);
    expect(verifyCommit(mark)).toMatchObject({ isGood: true });
    for (const repository of [stored, cloneBare(stored)]) {
      const git = openGitVerifier(repository, ALLOWED);
      for (const id of [merged, squashed, applied, mailed])
        expect(git.verifyCommit(id)).toMatchObject({
          isGood: true,
          said: expect.stringContaining(`Good "git" signature for ${REGISTRY_IDENTITY.email}`),
        });
      expect(git.verifyTag("v1.0.0")).toMatchObject({ isGood: true });
      expect(git.verifyCommit(base)).toMatchObject({ isGood: false });
      const other = openGitVerifier(repository, `${REGISTRY_IDENTITY.email} ${formatSshPublicKey(createKey().jwk)}\n`);
      expect(other.verifyCommit(merged)).toMatchObject({ isGood: false });
      expect(other.verifyTag("v1.0.0")).toMatchObject({ isGood: false });
    }
  });

  it.skipIf(!hasSshKeygen())("in the telemetry repository is verified by stock git", async () => {
    const subject_hash = await stage.stage(buildBatch([buildLine(1), buildLine(2)]));
    const appended = await run("git.registry.telemetry_append", { project_id: TELEMETRY, from_seq: 0, to_seq: 2, lines: 2, subject_hash });
    const { verifyCommit } = openGitVerifier(await copyPrefix(stage, TELEMETRY), ALLOWED);
    expect(verifyCommit(appended.commit ?? "")).toMatchObject({ isGood: true });
  });

  it("is signed on every branch that it writes, except what was pushed", async () => {
    const { project, base } = await prepareProject();
    const folder = await copyPrefix(stage, project.id);
    const git = (...args: string[]) => execFileSync("git", ["--git-dir", folder, ...args], { encoding: "utf8" });
    const unsigned = git("log", "--all", "--format=%H %ce")
      .trim()
      .split("\n")
      .map((line) => line.split(" ") as [string, string])
      .filter(([id]) => !git("cat-file", "commit", id).includes("\ngpgsig -----BEGIN SSH SIGNATURE-----\n"));
    expect(unsigned.map(([, committer]) => committer)).toEqual(unsigned.map(() => "ada@example.org"));
    expect(unsigned.map(([id]) => id)).toContain(base);
  });

  it("has the same bytes when another attempt makes it again, so that the store gets no second pack", async () => {
    const project = await MergeProject.register(stage);
    project.checkOut("main").clone.commit("a.txt", "a\n");
    project.checkOut("feature/x", "main").clone.commit("x.txt", "x\n");
    await project.push("main", "feature/x");
    const listPacks = async () => {
      const keys: string[] = [];
      for await (const key of stage.store.blobs.list(`repos/${TENANT}/${project.id}.git/objects/pack/`)) keys.push(key);
      return keys.sort();
    };
    const jti = randomUUID();
    const params = project.buildParams("feature/x", "main");
    const before = await listPacks();
    await expect(project.merge(params, dieAfterStep("stored"), jti)).rejects.toThrow("died after stored");
    const first = await listPacks();
    expect(first.length).toBeGreaterThan(before.length);
    value(await project.merge(params, { isTakenOver: true }, jti));
    expect(await listPacks()).toEqual(first);
  });
});
