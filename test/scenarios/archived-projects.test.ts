import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { requireValue } from "../../src/client/http/problem.js";
import { mirrorRepository } from "../../src/demo/mirror.js";
import { ARCHIVED_REF } from "../../src/domain/git/ref-name.js";
import { type ServedRegistry, startRegistryInProcess } from "../harness/registry.js";
import { Clone, createTemporaryFolder } from "../repository/real-git.js";
import {
  approveAsEach,
  buildPush,
  ensurePasskeys,
  issuePush,
  openScenarioCard,
  openTagCard,
  pushOrThrow,
  registerByCard,
  toEnd,
} from "./acts.js";

const PROJECT = "P.archived";
const REASON = "Replaced by P.next.";

let registry: ServedRegistry;
let clone: Clone;
let base: string;

beforeAll(async () => {
  registry = await startRegistryInProcess({ name: "archived" });
  await ensurePasskeys(registry, "bob");
  await registerByCard(registry, PROJECT);
  clone = new Clone();
  base = clone.commit("base.txt", "base\n");
  await pushOrThrow(registry.as("admin"), buildPush(PROJECT, "feature/base", null, clone.bundle("HEAD", [])));
  clone.commit("next.txt", "next\n");
});

afterAll(() => registry?.stop());

const readArchivedProject = async () => requireValue(await registry.as("admin").readProject(PROJECT));
const openMark = (archived: boolean, project_id = PROJECT) =>
  openScenarioCard(registry.as("admin"), { jobType: "git.registry.archive", params: { project_id, archived, reason: REASON } });

async function buildNextPush() {
  return toEnd(requireValue(await issuePush(registry.as("admin"), buildPush(PROJECT, "feature/base", base, clone.bundle("HEAD", [base])))));
}

describe("an archived project", () => {
  it("was archived with an approval, and shows the reason and the actor", async () => {
    const card = await openMark(true);
    expect(card).toMatchObject({ status: "awaiting_approval", level: "L3" });
    expect((await readArchivedProject()).archived).toBe(false);
    expect((await approveAsEach(registry, card, ["bob"])).status).toBe("success");
    expect((await readArchivedProject()).archived).toBe(true);
    expect(await registry.as("admin").listRefs(PROJECT).read()).toMatchObject([{ name: "refs/heads/feature/base", object_id: base }]);
    const mirror = join(createTemporaryFolder("ogr-mirror-"), "repo.git");
    await mirrorRepository(registry.store, "T.UBL", PROJECT, mirror);
    const note = execFileSync("git", ["--git-dir", mirror, "show", `${ARCHIVED_REF}:ARCHIVED`], { encoding: "utf8" });
    expect(note).toBe(`${REASON}\n`);
    expect((await readArchivedProject()).activity[0]).toMatchObject({ action: "archive", actor: registry.getActor("admin").actor_id });
    expect((await registry.as("admin").listProjects().read()).find(({ id }) => id === PROJECT)?.archived).toBe(true);
  });

  it("accepts no push and no release, and cannot be archived again", async () => {
    expect(await buildNextPush()).toEqual({ status: "error", code: "project_archived" });
    const release = await openTagCard(registry.as("admin"), { project_id: PROJECT, tag: "v1.0.0", commit: base });
    expect(release).toMatchObject({ status: "denied", denial: { code: "project_archived" } });
    expect(await openMark(true)).toMatchObject({ status: "denied", denial: { code: "nothing_to_do" } });
    expect(await registry.as("admin").listRefs(PROJECT).read()).toMatchObject([{ name: "refs/heads/feature/base", object_id: base }]);
  });

  it("accepts changes again once it is unarchived", async () => {
    expect((await approveAsEach(registry, await openMark(false), ["bob"])).status).toBe("success");
    expect((await readArchivedProject()).archived).toBe(false);
    expect((await readArchivedProject()).activity[0]).toMatchObject({ action: "unarchive" });
    expect(await buildNextPush()).toEqual({ status: "success", code: undefined });
    expect(await openMark(false)).toMatchObject({ status: "denied", denial: { code: "nothing_to_do" } });
  });

  it("must exist", async () => {
    expect(await openMark(true, "P.nobody")).toMatchObject({ status: "denied", denial: { code: "project_unknown" } });
  });
});
