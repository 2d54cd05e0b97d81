import { requireValue } from "../../src/client/http/problem.js";
import { buildMergeIntoMain } from "../faults/merges.js";
import { actByCard, actByPermit, buildPushJob, openCard, stateDecision } from "../harness/acting.js";
import { registerCountedPasskey } from "../harness/passkeys.js";
import type { Path } from "./path.js";
import { createProject, type ReplaySetup, waitForEnd } from "./replay-setup.js";

/** Creates a project with `main`, `feature/one` and `feature/two`, where both features change the same file. */
async function createMergeableProject(setup: ReplaySetup, project_id: string) {
  const { clone, base } = await createProject(setup, project_id);
  if ((await setup.openPasskeys("bob").list()).length === 0) await registerCountedPasskey(setup, "bob");
  await actByCard(setup, await buildMergeIntoMain(setup, project_id, "feature/base", "fast-forward"));
  for (const branch of ["feature/one", "feature/two"]) {
    clone.git("checkout", "-q", "-b", branch, base);
    clone.commit("both.txt", branch);
    await actByPermit(setup.as("admin"), buildPushJob(clone, project_id, branch));
  }
}

export const mergePaths: readonly Path[] = [
  {
    name: "merge-previewed",
    status: "planned",
    passes: ["planAct"],
    async drive(setup) {
      await createMergeableProject(setup, "P.merge-asked");
      const act = {
        office_id: "office::default",
        target: "LAB_512",
        ...(await buildMergeIntoMain(setup, "P.merge-asked", "feature/one", "merge")),
      };
      if (requireValue(await setup.as("admin").planCard(act)).plan === null) throw new Error("the merge was not planned");
      // The api does not return the flow's id, so it is found by a query.
      for (;;) {
        const query = 'WorkflowType = "planPreview" and ExecutionStatus = "Completed"';
        for await (const { workflowId } of setup.temporal.workflow.list({ query })) return workflowId;
      }
    },
  },
  {
    name: "merge-approved",
    status: "success",
    passes: ["openCard", "planAct", "decidePlan", "admitStatement", "planAct", "issuePermit", "runCommand", "recordAnswer", "closeCard"],
    async drive(setup) {
      await createMergeableProject(setup, "P.merge-approved");
      const card = await openCard(setup.as("admin"), await buildMergeIntoMain(setup, "P.merge-approved", "feature/one", "merge"));
      await stateDecision(setup, "bob", "approve", card);
      return waitForEnd(setup, card);
    },
  },
  {
    name: "merge-conflicting",
    status: "denied",
    denial: "merge_conflict",
    passes: ["openCard", "planAct", "closeCard"],
    async drive(setup) {
      await createMergeableProject(setup, "P.merge-conflicting");
      await actByCard(setup, await buildMergeIntoMain(setup, "P.merge-conflicting", "feature/one", "merge"));
      return waitForEnd(
        setup,
        await openCard(setup.as("admin"), await buildMergeIntoMain(setup, "P.merge-conflicting", "feature/two", "merge")),
      );
    },
  },
  {
    // The target moves, and somebody looks at the card.
    name: "merge-outdated",
    status: "denied",
    denial: "ref_moved",
    passes: ["decidePlan", "checkPlan", "voidApprovals", "planAct", "closeCard"],
    async drive(setup) {
      await createMergeableProject(setup, "P.merge-voided");
      const card = await openCard(setup.as("admin"), await buildMergeIntoMain(setup, "P.merge-voided", "feature/one", "squash"));
      await actByCard(setup, await buildMergeIntoMain(setup, "P.merge-voided", "feature/two", "merge"));
      return waitForEnd(setup, card);
    },
  },
];
