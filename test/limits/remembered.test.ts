import { afterEach, expect, test } from "vitest";
import { openStage, type Stage, TENANT, value } from "../lab512/jobs/stage.js";
import { Clone } from "../repository/real-git.js";

const PROJECTS = ["P.one", "P.two", "P.three"];
const signal = new AbortController().signal;

let stage: Stage;
afterEach(() => stage.close());

/** Lists the projects whose refs are in memory, for which `open` calls `recall`. It opens the latest first, so that none is evicted. */
async function listRemembered(): Promise<string[]> {
  const found: string[] = [];
  for (const project_id of PROJECTS.toReversed()) {
    let asked = false;
    const recall = () => {
      asked = true;
      return true;
    };
    const repository = await stage.repositories.open(stage.store, { tenant_id: TENANT, project_id }, signal, recall);
    await repository?.close();
    if (asked) found.push(project_id);
  }
  return found;
}

test("the refs of the two most recently used projects stay in memory, and an evicted project still accepts a push", async () => {
  stage = await openStage("directory", { rememberedMaxCount: 2 });
  const clone = new Clone();
  const first = clone.commit("a", "1");
  for (const project of PROJECTS) {
    await stage.init(project);
    value(await stage.push(clone.bundle("main"), { project_id: project, branch: "feature/a" }));
  }
  expect(await listRemembered()).toEqual(["P.three", "P.two"]);
  clone.commit("a", "2");
  for (const project of PROJECTS)
    value(await stage.push(clone.bundle("main", [first]), { project_id: project, branch: "feature/a", expected_old: first }));
});
