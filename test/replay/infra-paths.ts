import { setTimeout as sleep } from "node:timers/promises";
import { requireValue } from "../../src/client/http/problem.js";
import { openCard, push, state } from "../harness/acting.js";
import { type Desk, ended, infraFile, project, withInfra } from "./desk.js";
import type { Path } from "./path.js";

const PROJECT = "P.placed";

export const infraPaths: readonly Path[] = [
  {
    // What the infra registry says of the project changes between the plan and its approval: the new plan is approved anew.
    name: "card-approvals-voided-by-infra",
    status: "success",
    passes: ["decidePlan", "admitStatement", "planAct", "voidApprovals", "decidePlan", "admitStatement", "issuePermit", "runCommand"],
    drive: (desk) => withInfra(desk, infraFile(desk, { [PROJECT]: "enabled sandbox" }), () => approvedAnew(desk)),
  },
];

async function approvedAnew(desk: Desk): Promise<string> {
  const { clone } = await project(desk, PROJECT);
  const author = desk.as("admin");
  const card = await openCard(author, push(clone, PROJECT, "feature/x"), { risk: "L3" });
  infraFile(desk, { [PROJECT]: "enabled production" });
  await state(desk, "bob", "approve", card);
  while (requireValue(await author.readCard(card.card_id)).plan_digest === card.plan_digest) await sleep(50);
  await state(desk, "bob", "approve", card);
  return ended(desk, card);
}
