import { registerPasskey } from "../../src/client/deciding.js";
import { requireValue } from "../../src/client/http/problem.js";
import { mergeIntoMain } from "../faults/merges.js";
import { actByCard, actByPermit, openCard, push, state } from "../harness/acting.js";
import { type Desk, ended, project } from "./desk.js";
import type { Path } from "./path.js";

/** A project whose `main` is its base, with `feature/one` and `feature/two`, which both change the same file. */
async function mergeable(desk: Desk, project_id: string) {
  const { clone, base } = await project(desk, project_id);
  if ((await desk.passkeys("bob").list()).length === 0) await registerPasskey(desk.as("bob"), desk.passkeys("bob"), "test");
  await actByCard(desk, await mergeIntoMain(desk, project_id, "feature/base", "fast-forward"));
  for (const branch of ["feature/one", "feature/two"]) {
    clone.git("checkout", "-q", "-b", branch, base);
    clone.commit("both.txt", branch);
    await actByPermit(desk.as("admin"), push(clone, project_id, branch));
  }
}

export const mergePaths: readonly Path[] = [
  {
    name: "merge-only-asked-about",
    status: "planned",
    passes: ["planAct"],
    async drive(desk) {
      await mergeable(desk, "P.merge-asked");
      const act = {
        office_id: "office::default",
        target: "LAB_512",
        ...(await mergeIntoMain(desk, "P.merge-asked", "feature/one", "merge")),
      };
      if (requireValue(await desk.as("admin").planCard(act)).plan === null) throw new Error("the merge was not planned");
      // Nobody is told the flow's id: nothing is to be done with it.
      for (;;) {
        const query = 'WorkflowType = "planPreview" and ExecutionStatus = "Completed"';
        for await (const { workflowId } of desk.temporal.workflow.list({ query })) return workflowId;
      }
    },
  },
  {
    name: "merge-approved",
    status: "success",
    passes: ["openCard", "planAct", "decidePlan", "admitStatement", "planAct", "issuePermit", "runCommand", "recordAnswer", "closeCard"],
    async drive(desk) {
      await mergeable(desk, "P.merge-approved");
      const card = await openCard(desk.as("admin"), await mergeIntoMain(desk, "P.merge-approved", "feature/one", "merge"));
      await state(desk, "bob", "approve", card);
      return ended(desk, card);
    },
  },
  {
    name: "merge-conflicting",
    status: "denied",
    denial: "merge_conflict",
    passes: ["openCard", "planAct", "closeCard"],
    async drive(desk) {
      await mergeable(desk, "P.merge-conflicting");
      await actByCard(desk, await mergeIntoMain(desk, "P.merge-conflicting", "feature/one", "merge"));
      return ended(desk, await openCard(desk.as("admin"), await mergeIntoMain(desk, "P.merge-conflicting", "feature/two", "merge")));
    },
  },
  {
    // The target moved between the plan and its approval, which is void.
    name: "merge-approvals-voided",
    status: "denied",
    denial: "ref_moved",
    passes: ["admitStatement", "planAct", "voidApprovals", "closeCard"],
    async drive(desk) {
      await mergeable(desk, "P.merge-voided");
      const card = await openCard(desk.as("admin"), await mergeIntoMain(desk, "P.merge-voided", "feature/one", "squash"));
      await actByCard(desk, await mergeIntoMain(desk, "P.merge-voided", "feature/two", "merge"));
      await state(desk, "bob", "approve", card);
      return ended(desk, card);
    },
  },
];
