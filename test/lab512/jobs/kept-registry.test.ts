import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { EMPTY_PATCH_HASH, type PushParams, type ResetParams } from "../../../src/domain/act/job.js";
import { ZERO_ID } from "../../../src/domain/git/git-id.js";
import { hashRefs } from "../../../src/domain/git/refs-digest.js";
import { CHANGELOG_PATH, REGISTRY_PATH } from "../../../src/infra/files.js";
import { listVisibleRefs, readRefs } from "../../../src/repository/refs/refs-state.js";
import { buildRepoEntry, formatRegistryOfOrgs, NOW } from "../../infra/samples.js";
import { buildTreeEntry, Clone } from "../../repository/real-git.js";
import { code, executeTestJob, MAIN_BACKEND, openStage, PROJECT, planTestJob, type Stage, TENANT, value } from "./stage.js";

const LINE = {
  ...{ timestamp: NOW, action: "register", owner: "acme", repo: "shop", context: "production", telemetry_repo: "acme/t" },
  ...{ reason: "A trial", process: "infra-cli", schema_version: "2.0" },
};
const GOOD = formatRegistryOfOrgs({ acme: { telemetry_repo: "acme/t", repos: { shop: buildRepoEntry({ context: "production" }) } } });

describe("main of the project that holds the infra registry", () => {
  let stage: Stage;
  let clone: Clone;
  let empty: string;
  let good: string;
  const keeps = { keepsInfra: true } as const;

  beforeAll(async () => {
    stage = await openStage(MAIN_BACKEND);
    await stage.init();
    clone = new Clone();
    clone.commit(CHANGELOG_PATH, "", "begin");
    empty = clone.commit(REGISTRY_PATH, formatRegistryOfOrgs({}), "An infra registry");
    clone.commit(CHANGELOG_PATH, `${JSON.stringify(LINE)}\n`, "its line");
    good = clone.commit(REGISTRY_PATH, GOOD, "Register the shop");
    value(await stage.push(clone.bundle("main"), { branch: "main" }, keeps));
  });
  afterAll(() => stage.close());

  const readTip = async () => (await readRefs(stage.store, { tenant_id: TENANT, project_id: PROJECT }))?.refs.get("refs/heads/main")?.id;

  /** Plans a force push, and runs it without the plan: both must be denied, since the run is the last check. */
  const forcePush = async (bytes: Uint8Array, more: Partial<PushParams> = {}, changes: { keepsInfra: boolean } = keeps) => {
    const params: PushParams = {
      ...{ project_id: PROJECT, branch: "main", expected_old: good, commit_summary: "test", force: true },
      ...{ subject_hash: await stage.stage(bytes), ...more },
    };
    const plan = await planTestJob(stage.buildContext(changes), "git.registry.push", params);
    return { plan: code(plan), act: await executeTestJob(stage.buildContext(changes), "git.registry.push", params) };
  };

  const INVALID = { plan: "infra_invalid", act: { ok: false, denial: { code: "infra_invalid" } } };

  /** A bundle of one commit on top of `good`. */
  const editRegistry = (path: string, text: string): Buffer => {
    clone.git("checkout", "-q", "-B", "edit", good);
    clone.commit(path, text, "By hand");
    return clone.bundle("edit", [good]);
  };

  it.each([
    ["edits the context of a production repository in place", REGISTRY_PATH, GOOD.replace("production", "sandbox")],
    ["is not a registry", REGISTRY_PATH, "{}\n"],
    ["rewrites the changelog", CHANGELOG_PATH, `${JSON.stringify({ ...LINE, reason: "Another" })}\n`],
  ])("cannot be forced to a commit that %s", async (_, path, text) => {
    expect(await forcePush(editRegistry(path, text))).toMatchObject(INVALID);
    expect(await readTip()).toBe(good);
  });

  it("cannot be forced to a registry that is a symbolic link to a valid one, or lies in a linked folder, as readers of a clone follow links", async () => {
    const blob = (text: string) => clone.writeObject("blob", Buffer.from(text));
    const link = (name: string, target: string) => buildTreeEntry("120000", name, blob(target));
    const tree = (...entries: Buffer[]) => clone.writeObject("tree", Buffer.concat(entries));
    const entryOf = (path: string) => clone.git("rev-parse", `${good}:${path}`);
    const changelog = buildTreeEntry("40000", "changelog", entryOf("infra/changelog"));
    const linkedFile = tree(buildTreeEntry("40000", "infra", tree(changelog, link("telemetry-registry.v2.json", GOOD))));
    const linkedFolder = tree(link("infra", "elsewhere"));
    for (const [root, path] of [
      [linkedFile, REGISTRY_PATH],
      [linkedFolder, "infra"],
    ] as const) {
      const commit = clone.commitTree(root, [good]);
      clone.git("update-ref", "refs/heads/linked", commit);
      expect(await forcePush(clone.bundle("linked", [good]))).toMatchObject({
        ...INVALID,
        act: { ok: false, denial: { message: expect.stringContaining(`${path} as a symbolic link`) } },
      });
    }
  });

  it("cannot be forced back to an earlier commit, because that removes lines of the changelog", async () => {
    clone.git("checkout", "-q", "-B", "back", empty);
    expect(await forcePush(clone.bundle("back"))).toMatchObject({
      ...INVALID,
      act: { ok: false, denial: { message: expect.stringContaining("changed or removed") } },
    });
    expect(await readTip()).toBe(good);
  });

  it("cannot be deleted, and its project cannot be reset", async () => {
    expect(await forcePush(Buffer.alloc(0), { delete: true, subject_hash: EMPTY_PATCH_HASH })).toMatchObject(INVALID);
    const refs = (await readRefs(stage.store, { tenant_id: TENANT, project_id: PROJECT }))?.refs ?? new Map();
    const params: ResetParams = {
      project_id: PROJECT,
      expected_refs: hashRefs(listVisibleRefs(refs).map(([name, { id }]) => [name, id])),
    };
    expect(code(await executeTestJob(stage.buildContext(keeps), "git.registry.reset", params, randomUUID()))).toBe("infra_invalid");
    expect(await readTip()).toBe(good);
  });

  it("can be forced to a registry that follows from the current one, while other branches and projects can be forced to anything", async () => {
    expect(await forcePush(editRegistry(REGISTRY_PATH, "{}\n"), { branch: "feature/x", expected_old: ZERO_ID })).toMatchObject({
      plan: "granted",
      act: { ok: true },
    });
    const line = { ...LINE, action: "disable", reason: "Over" };
    clone.git("checkout", "-q", "-B", "edit", good);
    clone.commit(CHANGELOG_PATH, `${JSON.stringify(LINE)}\n${JSON.stringify(line)}\n`, "its line");
    const text = GOOD.replace('"enabled"', '"disabled"').replace("A trial", "Over");
    const next = clone.commit(REGISTRY_PATH, text, "Disable the shop");
    expect(await forcePush(clone.bundle("edit", [good]))).toMatchObject({ plan: "granted", act: { ok: true } });
    expect(await readTip()).toBe(next);
    expect(await forcePush(editRegistry(REGISTRY_PATH, "{}\n"), { expected_old: next }, { keepsInfra: false })).toMatchObject({
      plan: "granted",
      act: { ok: true },
    });
  });
});
