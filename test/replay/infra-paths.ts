import { setTimeout as sleep } from "node:timers/promises";
import { requireValue } from "../../src/client/http/problem.js";
import { buildPushJob, openCard, stateDecision } from "../harness/acting.js";
import type { Path } from "./path.js";
import { createProject, type ReplaySetup, waitForEnd, withInfra, writeInfraFile } from "./replay-setup.js";

const PROJECT = "P.placed";

export const infraPaths: readonly Path[] = [
  {
    // The project's infra context changes between the plan and its approval. The new plan is approved again.
    name: "card-approvals-voided-by-infra",
    status: "success",
    passes: ["decidePlan", "admitStatement", "planAct", "voidApprovals", "decidePlan", "admitStatement", "issuePermit", "runCommand"],
    drive: (setup) => withInfra(setup, writeInfraFile(setup, { [PROJECT]: "enabled sandbox" }), () => approveAgain(setup)),
  },
];

async function approveAgain(setup: ReplaySetup): Promise<string> {
  const { clone } = await createProject(setup, PROJECT);
  const author = setup.as("admin");
  const card = await openCard(author, buildPushJob(clone, PROJECT, "feature/x"), { risk: "L3" });
  writeInfraFile(setup, { [PROJECT]: "enabled production" });
  await stateDecision(setup, "bob", "approve", card);
  while (requireValue(await author.readCard(card.card_id)).plan_digest === card.plan_digest) await sleep(50);
  await stateDecision(setup, "bob", "approve", card);
  return waitForEnd(setup, card);
}
