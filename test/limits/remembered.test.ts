import { afterEach, expect, test } from "vitest";
import { openStage, type Stage, TENANT, value } from "../lab512/jobs/stage.js";
import { Clone } from "../repository/real-git.js";

const PROJECTS = ["P.one", "P.two", "P.three"];
const signal = new AbortController().signal;

let stage: Stage;
afterEach(() => stage.close());

/** Which projects' refs are in memory. */
async function remembered(): Promise<string[]> {
  const found: string[] = [];
  for (const project_id of PROJECTS) {
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

test("the refs of few projects stay in memory, those used last; the others are read again and take acts all the same", async () => {
  stage = await openStage("directory", { rememberedMaxCount: 2 });
  const clone = new Clone();
  const first = clone.commit("a", "1");
  for (const project of PROJECTS) {
    await stage.init(project);
    value(await stage.push(clone.bundle("main"), { project_id: project, branch: "feature/a" }));
  }
  expect((await remembered())[0]).not.toBe("P.one");
  clone.commit("a", "2");
  for (const project of PROJECTS)
    value(await stage.push(clone.bundle("main", [first]), { project_id: project, branch: "feature/a", expected_old: first }));
});
