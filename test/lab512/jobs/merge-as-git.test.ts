import { rmSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { chooseExtent, SEED } from "../../harness/campaign.js";
import { MergeProject } from "./merges.js";
import { type Change, change, commitChanges } from "./random-changes.js";
import { openStage, type Stage, value } from "./stage.js";

let stage: Stage;
let project: MergeProject;
let runs = 0;
beforeAll(async () => {
  stage = await openStage("directory");
  project = await MergeProject.register(stage);
});
afterAll(() => stage.close());

const changes = fc.array(change, { minLength: 1, maxLength: 6 });

/** The changes of both sides since their common base. With `crossed`, each side merges the other once, so that there are two merge bases. */
const history = fc.record({
  before: fc.array(change, { minLength: 4, maxLength: 10 }),
  main: fc.array(changes, { minLength: 1, maxLength: 2 }),
  feature: fc.array(changes, { minLength: 1, maxLength: 2 }),
  crossed: fc.option(fc.record({ main: changes, feature: changes }), { nil: undefined, freq: 3 }),
});

/** Creates two branches in the clone, with a history that no earlier run shares. */
function createBranches({ before, main, feature, crossed }: typeof history extends fc.Arbitrary<infer H> ? H : never) {
  runs += 1;
  const [target, source] = [`run-${runs}/main`, `run-${runs}/feature`];
  const { clone } = project;
  const commitOn = (branch: string, many: readonly (readonly Change[])[]) => {
    clone.git("checkout", "-q", "-f", branch);
    clone.git("clean", "-qffdx");
    for (const [at, one] of many.entries()) commitChanges(clone, one, `${branch} ${at}`);
  };
  clone.git("checkout", "-q", "-f", "--orphan", target);
  clone.git("rm", "-rfq", "--ignore-unmatch", ".");
  clone.git("clean", "-qffdx");
  commitChanges(clone, before, "before");
  clone.git("branch", source);
  commitOn(target, main);
  commitOn(source, feature);
  if (crossed !== undefined) {
    const [ours, theirs] = [clone.readHead(target), clone.readHead(source)];
    // Only the history matters here: both sides record the merge and keep their own tree.
    for (const [branch, other] of [
      [target, theirs],
      [source, ours],
    ] as const) {
      clone.git("checkout", "-q", "-f", branch);
      const joined = clone.git("commit-tree", `${branch}^{tree}`, "-p", branch, "-p", other, "-m", "crossed");
      clone.git("update-ref", `refs/heads/${branch}`, joined);
    }
    commitOn(target, [crossed.main]);
    commitOn(source, [crossed.feature]);
  }
  return { target, source };
}

/** Merges by stock git in a clean checkout of the target. */
function mergeByStockGit(target: string, source: string): { tree: string } | { unmerged: string[] } {
  const { clone } = project;
  clone.git("checkout", "-q", "-f", target);
  clone.git("clean", "-qffdx");
  try {
    clone.git("merge", "-q", "--no-ff", "-m", "by stock git", source);
    return { tree: clone.readHead("HEAD^{tree}") };
  } catch {
    const unmerged = clone.git("diff", "--name-only", "-z", "--diff-filter=U");
    return { unmerged: unmerged.split("\0").filter((path) => path !== "") };
  } finally {
    // git leaves the lock behind when it crashes.
    rmSync(join(clone.folder, ".git", "index.lock"), { force: true });
    clone.git("reset", "-q", "--hard", target);
  }
}

test("a merge of any two branches makes the same tree as stock git, or reports every path in which stock git finds a conflict", async () => {
  let [clean, conflicting] = [0, 0];
  await fc.assert(
    fc.asyncProperty(history, async (wanted) => {
      const { target, source } = createBranches(wanted);
      await project.push(target, source);
      const before = project.clone.readHead(target);
      const stock = mergeByStockGit(target, source);
      project.clone.git("update-ref", `refs/heads/${target}`, before);
      const planned = await project.plan(project.buildParams(source, target));
      if ("tree" in stock) {
        clean += 1;
        const plan = value(planned);
        expect(plan.basis.creates.map((made) => "tree" in made && made.tree)).toEqual([stock.tree]);
        value(await project.merge(project.buildParams(source, target)));
        return;
      }
      conflicting += 1;
      if (planned.ok) throw new Error(`stock git conflicts in ${stock.unmerged.join(", ")}`);
      expect(planned.denial).toMatchObject({ code: "merge_conflict" });
      const { conflicts = [] } = planned.denial;
      for (const [path] of stock.unmerged.map((unmerged) => unmerged.split("~")))
        expect(conflicts.flatMap((one) => [one.path, one.explanation]).join("\n")).toContain(path);
    }),
    chooseExtent({ numRuns: 6, seed: SEED }, { numRuns: 200 }),
  );
  expect([clean > 0, conflicting > 0], `${clean} clean, ${conflicting} conflicting`).toEqual([true, true]);
  await project.copy();
}, 1_200_000);

test("a merge on which git itself crashes is denied as a conflict", async () => {
  // git 2.39 fails an assertion of its merge here (merge-ort.c, handle_content_merge).
  const buildLink = (path: string): Change => ({ kind: "link", path, word: "two" });
  const buildWrite = (path: string, word: string, ending = "\n"): Change => ({ kind: "write", path, word, ending });
  const { target, source } = createBranches({
    before: [{ kind: "binary", path: "d/e.txt", word: "three" }, buildWrite("d/f/g.txt", "three")],
    main: [[buildLink("a.txt"), buildWrite("ü ñ.txt", "two"), { kind: "link", path: "b/c.txt", word: "three" }]],
    feature: [[buildWrite("b", "one"), buildLink("ü ñ.txt"), { kind: "move", path: "d/f", to: "h" }]],
    crossed: {
      main: [
        { kind: "submodule", path: "a.txt", word: "two" },
        buildWrite("d/f/g.txt", "one", "\r\n"),
        { kind: "move", path: "d/f", to: "moved" },
      ],
      feature: [{ kind: "empty", path: "h/e.txt" }],
    },
  });
  await project.push(target, source);
  const planned = await project.plan(project.buildParams(source, target));
  expect(planned).toMatchObject({ ok: false, denial: { code: "merge_conflict" } });
  expect(mergeByStockGit(target, source)).toHaveProperty("unmerged");
});
