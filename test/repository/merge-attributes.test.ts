import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { writeAttributesFolder } from "../../src/repository/merge/merge-attributes.js";
import { MergeProject } from "../lab512/jobs/merges.js";
import { openStage, type Stage, TENANT, value } from "../lab512/jobs/stage.js";

const signal = new AbortController().signal;

describe("the cache of a target's attributes", () => {
  let stage: Stage;
  let project: MergeProject;
  beforeEach(async () => {
    stage = await openStage("directory");
    project = await MergeProject.register(stage);
  });
  afterEach(() => stage.close());

  /** Reads the attributes of `main` as a merge does. Returns them with the size of the cache. */
  async function readAttributes(path: string) {
    const repository = await stage.repositories.open(stage.store, { tenant_id: TENANT, project_id: project.id }, signal);
    if (repository === undefined) throw new Error("the repository does not exist");
    try {
      const folder = value(await writeAttributesFolder(repository, project.clone.readHead("main")));
      return { text: readFileSync(join(folder ?? "", path), "utf8"), remembered: repository.cache.memory.attributes?.files.size };
    } finally {
      await repository.close();
    }
  }

  it("holds nothing if the attributes files are many, and all of them if they are few", async () => {
    const { clone } = project.checkOut("main");
    clone.commit(".gitattributes", "*.txt merge=union\n");
    await project.push("main");
    expect(await readAttributes(".gitattributes")).toEqual({ text: "*.txt merge=union\n", remembered: 1 });
    const paths = Array.from({ length: 500 }, (_, n) => `${"folder/".repeat(20)}${n}/.gitattributes`);
    for (const path of paths) {
      mkdirSync(dirname(join(clone.folder, path)), { recursive: true });
      writeFileSync(join(clone.folder, path), "*.txt binary\n");
    }
    clone.commit("more", "");
    await project.push("main");
    expect(await readAttributes(paths[499] ?? "")).toEqual({ text: "*.txt binary\n", remembered: undefined });
    clone.git("rm", "-q", "-r", "folder");
    clone.commit(".gitattributes", "*.txt binary\n");
    await project.push("main");
    expect(await readAttributes(".gitattributes")).toEqual({ text: "*.txt binary\n", remembered: 1 });
  });

  it("is dropped when an older store is restored and the cache folder is deleted", async () => {
    const { clone } = project.checkOut("main");
    const before = clone.commit(".gitattributes", "*.txt merge=union\n");
    await project.push("main");
    const [store, backup] = [join(stage.folder, "store"), join(stage.folder, "backup")];
    cpSync(store, backup, { recursive: true });
    clone.commit(".gitattributes", "*.txt binary\n");
    await project.push("main");
    expect(await readAttributes(".gitattributes")).toEqual({ text: "*.txt binary\n", remembered: 1 });
    rmSync(store, { recursive: true });
    cpSync(backup, store, { recursive: true });
    rmSync(join(stage.repositories.scope.root, "cache", TENANT, `${project.id}.git`), { recursive: true });
    clone.git("reset", "-q", "--hard", before);
    expect(await readAttributes(".gitattributes")).toEqual({ text: "*.txt merge=union\n", remembered: 1 });
  });
});
