import { execFileSync } from "node:child_process";
import { createHash, randomUUID } from "node:crypto";
import { mkdtempSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { InitParams, TagReleaseParams } from "../../../src/domain/act/job.js";
import { hashBlake3Hex } from "../../../src/domain/bytes/hash.js";
import { ZERO_ID } from "../../../src/domain/git/git-id.js";
import { splitSignedTag } from "../../../src/domain/git/git-signature.js";
import type { JobStep } from "../../../src/lab512/jobs/job.js";
import { Repositories } from "../../../src/repository/repositories.js";
import { Clone } from "../../repository/real-git.js";
import {
  code,
  copyPrefix,
  deriveTestJob,
  dieAfterStep,
  executeTestJob,
  IAT,
  MAIN_BACKEND,
  openStage,
  PROJECT,
  planTestJob,
  type Stage,
  TENANT,
  value,
} from "./stage.js";
import { createForgetfulStore } from "./unreliable-store.js";

let stage: Stage;
beforeAll(async () => {
  stage = await openStage(MAIN_BACKEND);
});
afterAll(() => stage.close());
const readJson = async (key: string) => JSON.parse(Buffer.from((await stage.store.blobs.get(key)) ?? []).toString("utf8"));
const readText = async (key: string) => Buffer.from((await stage.store.blobs.get(key)) ?? []).toString("utf8");

describe("registering a project", () => {
  const params = (project_id: string): InitParams => ({
    project_id,
    name: "Demo",
    owners: ["ubl:sid:person:admin"],
    visibility: "internal",
  });

  it("stores the declared project and the actor who registered it", async () => {
    const jti = randomUUID();
    expect(value(await planTestJob(stage.buildContext(), "git.registry.init", params(PROJECT))).basis.params).toEqual(params(PROJECT));
    const effects = value(await executeTestJob(stage.buildContext(), "git.registry.init", params(PROJECT), jti));
    expect(effects.artifacts).toEqual([{ project_id: PROJECT, repo: `repos/${TENANT}/${PROJECT}.git` }]);
    expect(await readJson(`registry-metadata/${TENANT}/projects/${PROJECT}/project.json`)).toEqual({
      ...params(PROJECT),
      tenant_id: TENANT,
      jti,
      registered_at: IAT,
      registered_by: "ubl:sid:app:ci",
    });
    await deriveTestJob(stage.buildContext(), "git.registry.init", params(PROJECT), effects, jti);
    expect(await readJson(`registry-metadata/${TENANT}/projects/${PROJECT}/index.json`)).toMatchObject({
      head: "refs/heads/main",
      refs: [],
      last_act: { jti },
    });
  });

  it("is denied in plan and in execute if the project exists", async () => {
    expect(code(await planTestJob(stage.buildContext(), "git.registry.init", params(PROJECT)))).toBe("project_exists");
    expect(code(await executeTestJob(stage.buildContext(), "git.registry.init", params(PROJECT)))).toBe("project_exists");
  });

  it("succeeds for exactly one of several concurrent attempts", async () => {
    const outcomes = await Promise.all([1, 2, 3, 4].map(() => executeTestJob(stage.buildContext(), "git.registry.init", params("P.race"))));
    expect(outcomes.map(code).sort()).toEqual(["granted", "project_exists", "project_exists", "project_exists"]);
  });

  it.each<JobStep>(["fetched", "checked", "stored", "moved"])("is finished by a retry if the Runner died after %s", async (step) => {
    const jti = randomUUID();
    const what = params(`P.crash-${step}`);
    await expect(executeTestJob(stage.buildContext(dieAfterStep(step)), "git.registry.init", what, jti)).rejects.toThrow("died");
    const first = value(await executeTestJob(stage.buildContext(), "git.registry.init", what, jti));
    expect(value(await executeTestJob(stage.buildContext(), "git.registry.init", what, jti))).toEqual(first);
    const copy = await copyPrefix(stage, what.project_id);
    execFileSync("git", ["--git-dir", copy, "fsck", "--strict"], { stdio: "pipe" });
    execFileSync("git", ["clone", "-q", copy, mkdtempSync(join(stage.folder, "clone-"))], { stdio: "pipe" });
    expect(execFileSync("git", ["--git-dir", copy, "symbolic-ref", "HEAD"]).toString().trim()).toBe("refs/heads/main");
  });

  it("succeeds when the responses to its writes are lost", async () => {
    const store = createForgetfulStore(stage.store, /./, 100);
    expect(code(await executeTestJob(stage.buildContext({ store }), "git.registry.init", params("P.lost")))).toBe("granted");
  });
});

describe("tagging a release", () => {
  const clone = new Clone();
  const first = clone.commit("src/a.txt", "one");
  const second = clone.commit("src/b.txt", "two");
  const dropped = clone.commit("src/c.txt", "three");
  const params = (tag: string, commit: string, notes = "Notes.\n"): TagReleaseParams => ({ project_id: PROJECT, tag, commit, notes });
  const executeTag = (what: TagReleaseParams, jti?: string, changes = {}) =>
    executeTestJob(stage.buildContext(changes), "git.registry.tag_release", what, jti);
  beforeAll(async () => {
    clone.git("branch", "-f", "two", second);
    value(await stage.push(clone.bundle("main"), { branch: "feature/x" }));
    value(await stage.push(clone.bundle("two"), { branch: "feature/x", expected_old: dropped, force: true }));
  });

  it("makes an annotated tag by the registry with the permit's date, which stock git can read", async () => {
    const plan = value(await planTestJob(stage.buildContext(), "git.registry.tag_release", params("v1.0.0", first)));
    expect(plan.basis.refs).toEqual([{ name: "refs/tags/v1.0.0", old: ZERO_ID, new: null }]);
    expect(plan.basis.creates).toEqual([{ kind: "tag", object: first, tag: "v1.0.0", message: "Notes.\n" }]);
    expect(plan).toMatchObject({ commit_count: 1, author_emails: ["ada@example.org"] });
    const effects = value(await executeTag(params("v1.0.0", first)));
    const copy = await copyPrefix(stage);
    const shown = execFileSync("git", ["--git-dir", copy, "cat-file", "tag", "v1.0.0"]).toString();
    expect(splitSignedTag(Buffer.from(shown))?.unsigned.toString("utf8")).toBe(
      `object ${first}\ntype commit\ntag v1.0.0\ntagger Office Git Registry <registry@ubl.invalid> ${Math.floor(IAT / 1000)} +0000\n\nNotes.\n`,
    );
    expect(effects.refs[0]?.new).toBe(execFileSync("git", ["--git-dir", copy, "rev-parse", "v1.0.0"]).toString().trim());
    expect(execFileSync("git", ["ls-remote", "--tags", copy]).toString()).toContain(`${first}\trefs/tags/v1.0.0^{}`);
    execFileSync("git", ["--git-dir", copy, "fsck", "--strict"], { stdio: "pipe" });
  });

  it("lists in the plan the commits that no earlier release contains", async () => {
    const plan = value(await planTestJob(stage.buildContext(), "git.registry.tag_release", params("v1.0.1", second)));
    expect(plan.commits.map((commit) => commit.id)).toEqual([second]);
  });

  it.each([
    ["a tag that exists", "ref_exists", () => params("v1.0.0", first)],
    ["a commit that no branch reaches", "commit_unreachable", () => params("v2.0.0", dropped)],
    ["a commit that does not exist", "commit_unreachable", () => params("v2.0.0", "1".repeat(40))],
    ["an object that is not a commit", "commit_unreachable", () => params("v2.0.0", clone.readHead(`${first}^{tree}`))],
    ["an unknown project", "project_unknown", () => ({ ...params("v2.0.0", first), project_id: "P.none" })],
  ])("is denied for %s", async (_, expected, what) => {
    expect(code(await planTestJob(stage.buildContext(), "git.registry.tag_release", what()))).toBe(expected);
    expect(code(await executeTag(what()))).toBe(expected);
  });

  it("succeeds for exactly one of several concurrent attempts at one tag", async () => {
    const outcomes = await Promise.all([1, 2, 3].map(() => executeTag(params("v3.0.0", first))));
    expect(outcomes.map(code).sort()).toEqual(["granted", "ref_exists", "ref_exists"]);
  });

  it.each<JobStep>(["fetched", "checked", "stored", "moved"])(
    "is finished by a retry if the Runner died after %s, with the same tag",
    async (step) => {
      const jti = randomUUID();
      const what = params(`v4.0.0-${step}`, second, "");
      await expect(executeTag(what, jti, dieAfterStep(step))).rejects.toThrow("died");
      const effects = value(await executeTag(what, jti));
      expect(value(await executeTag(what, jti)).refs).toEqual(effects.refs);
    },
  );

  it("publishes notes, source archive and manifest, and a second derivation changes nothing", async () => {
    const jti = randomUUID();
    const what = params("v5.0.0", second, "# Five\r\n\nNotes — ünïcode");
    const effects = value(await executeTag(what, jti));
    const store = createForgetfulStore(stage.store, /releases|source/, 2);
    await deriveTestJob(stage.buildContext({ store }), "git.registry.tag_release", what, effects, jti);
    const key = `registry-metadata/${TENANT}/releases/${PROJECT}/v5.0.0`;
    expect(await readText(`${key}/notes.md`)).toBe(what.notes);
    const manifest = await readJson(`${key}/manifest.json`);
    expect(manifest).toMatchObject({
      tag: "v5.0.0",
      tag_object: effects.refs[0]?.new,
      commit: second,
      tree: clone.readHead(`${second}^{tree}`),
      notes_hash: hashBlake3Hex(Buffer.from(what.notes)),
      approvals: [],
      permit: { jti },
      receipt: { jti, status: "success" },
    });
    const archive = await stage.store.blobs.get(manifest.source.key);
    expect(manifest.source).toEqual({
      key: `artifacts/${TENANT}/${PROJECT}/${second}/source.tar.gz`,
      blake3: hashBlake3Hex(archive ?? Buffer.alloc(0)),
      sha256: createHash("sha256")
        .update(archive ?? "")
        .digest("hex"),
      size_bytes: archive?.length,
    });
    // The archive is reproducible: stock git makes the same bytes from a clone.
    expect(Buffer.from(archive ?? [])).toEqual(clone.run(["archive", "--format=tar.gz", `--prefix=${PROJECT}-${second}/`, second]));

    const before = await readText(`${key}/manifest.json`);
    await deriveTestJob(stage.buildContext(), "git.registry.tag_release", what, effects, jti);
    expect(await readText(`${key}/manifest.json`)).toBe(before);
  });
});

describe("the project index derived from a push", () => {
  it("is complete when a Runner with an outdated cache derives it after another Runner moved the refs", async () => {
    const clone = new Clone();
    const tip = clone.commit("a", "1");
    const other = new Repositories(join(stage.folder, "other"));
    const context = stage.buildContext({ repositories: other });
    const project_id = "P.failover";
    const init: InitParams = { project_id, name: "d", owners: ["office::default"], visibility: "private" };
    const jti = randomUUID();
    await deriveTestJob(context, "git.registry.init", init, value(await executeTestJob(context, "git.registry.init", init, jti)), jti);
    const subject_hash = await stage.stage(clone.bundle("main"));
    const params = { project_id, branch: "feature/1", expected_old: ZERO_ID, commit_summary: "x", subject_hash };
    const act = randomUUID();
    const effects = value(await executeTestJob(stage.buildContext(), "git.registry.push", params, act));
    await deriveTestJob(context, "git.registry.push", params, effects, act, IAT + 1);
    const index = await readJson(`registry-metadata/${TENANT}/projects/${project_id}/index.json`);
    await other.close();
    expect(index).toMatchObject({ refs: [{ name: "refs/heads/feature/1", id: tip }], last_act: { jti: act } });
  });

  it("shows the newest refs and the last act when acts are derived out of order", async () => {
    const clone = new Clone();
    const first = clone.commit("a", "1");
    value(
      await executeTestJob(stage.buildContext(), "git.registry.init", {
        project_id: "P.derive",
        name: "d",
        owners: ["office::default"],
        visibility: "private",
      }),
    );
    const push = async (branch: string, jti: string) => {
      const params = {
        project_id: "P.derive",
        branch,
        expected_old: ZERO_ID,
        commit_summary: "x",
        subject_hash: await stage.stage(clone.bundle("main")),
      };
      return { params, effects: value(await executeTestJob(stage.buildContext(), "git.registry.push", params, jti)), jti };
    };
    const one = await push("feature/1", randomUUID());
    const two = await push("feature/2", randomUUID());
    await deriveTestJob(stage.buildContext(), "git.registry.push", two.params, two.effects, two.jti, IAT + 2000);
    await deriveTestJob(stage.buildContext(), "git.registry.push", one.params, one.effects, one.jti, IAT + 1000);
    const index = await readJson(`registry-metadata/${TENANT}/projects/P.derive/index.json`);
    expect(index.refs).toEqual(["1", "2"].map((name) => ({ name: `refs/heads/feature/${name}`, id: first })));
    expect(index.last_act).toEqual({ jti: two.jti, job_type: "git.registry.push", actor_id: "ubl:sid:app:ci", finished_at: IAT + 2000 });
  });
});
