import { buildPushJob, openCard, stateDecision } from "../harness/acting.js";
import type { Path } from "./path.js";
import { createProject, type ReplaySetup, TWO_APPROVALS_OFFICE, waitForEnd, withInfra, writeInfraFile } from "./replay-setup.js";

const PROJECT = "P.placed";

export const infraPaths: readonly Path[] = [
  {
    // The project's infra context changes after bob's approval. Carol decides, so the card gets a new plan, which is approved.
    name: "card-approvals-voided-by-infra",
    status: "success",
    passes: [
      ...["decidePlan", "admitStatement", "checkPlan", "voidApprovals", "planAct", "decidePlan"],
      ...["admitStatement", "admitStatement", "issuePermit", "runCommand"],
    ],
    drive: (setup) => withInfra(setup, writeInfraFile(setup, { [PROJECT]: "enabled sandbox" }), () => approveAgain(setup)),
  },
];

async function approveAgain(setup: ReplaySetup): Promise<string> {
  const { clone } = await createProject(setup, PROJECT);
  const author = setup.as("admin");
  const card = await openCard(author, buildPushJob(clone, PROJECT, "feature/x"), { office_id: TWO_APPROVALS_OFFICE });
  await stateDecision(setup, "bob", "approve", card);
  writeInfraFile(setup, { [PROJECT]: "enabled production" });
  await stateDecision(setup, "carol", "approve", card);
  await stateDecision(setup, "bob", "approve", card);
  return waitForEnd(setup, card);
}
