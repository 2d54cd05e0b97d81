import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { LAB_256_QUEUE } from "../../src/domain/act/task-queue.js";
import { toFinishWorkflowId } from "../../src/domain/act/workflow-id.js";
import { DEMO_TENANT } from "../../src/stack/founding/demo-tenants.js";
import { buildRegistrationJob, openCard, stateDecision } from "../harness/acting.js";
import { replaceLevel } from "../harness/policies.js";
import { resolveTestProcess } from "../harness/processes.js";
import type { Death } from "../processes/die-after.js";
import type { Path } from "./path.js";
import { type ReplaySetup, republishPolicy, withRunner } from "./replay-setup.js";

/** Past the time at which an act of a minute is abandoned, and within that by which S3 lets a clock differ. */
const AHEAD_MS = 14 * 60_000;

export const finishingPaths: readonly Path[] = [
  {
    // The Runner died after it moved the refs, and the card's flow was ended.
    name: "act-finished",
    status: "success",
    passes: ["abandonedCommand", "runCommand", "recordAnswer", "closeCard"],
    drive: async (setup) => (await endFlowAndFinish(setup, "P.finished")).finishing,
  },
  {
    // Starts the flow that finishes such an act.
    name: "housekeeping-finishing",
    status: "housekept",
    passes: ["sweepPermits", "headsToAnchor", "recordAnchored", "abandonedCommands"],
    drive: async (setup) => (await endFlowAndFinish(setup, "P.swept-up")).housekeeping,
  },
];

/** Returns the ids of the housekeeping that found the act and of the flow that finished it. */
async function endFlowAndFinish(setup: ReplaySetup, project_id: string): Promise<{ housekeeping: string; finishing: string }> {
  const { workflow } = setup.temporal;
  await republishPolicy(setup, DEMO_TENANT, (data) => replaceLevel(data, "L3", { max_run_ms: 60_000 }));
  const card = await openCard(setup.as("admin"), buildRegistrationJob(project_id));
  const plan = join(setup.dataDir, `death-for-${project_id}.json`);
  writeFileSync(plan, JSON.stringify({ step: "moved", acts: 1 } satisfies Death));
  const housekeeping = `housekeeping-for-${project_id}`;
  let finishing = "";
  await withRunner(setup, { entry: resolveTestProcess("lab512-dying", undefined), env: { TEST_DIE_PLAN: plan } }, async () => {
    await stateDecision(setup, "bob", "approve", card);
    await setup.lab512.exited;
    const { jti } = await workflow.getHandle(card.workflow_id).query<{ jti: string }>("state");
    finishing = toFinishWorkflowId(DEMO_TENANT, jti);
    await workflow.getHandle(card.workflow_id).terminate("ended by an operator");
    const env = { TEST_CLOCK_AHEAD_MS: String(AHEAD_MS) };
    await setup.lab256.stop();
    for (const name of ["lab256", "lab512"] as const)
      await setup[name].start({ entry: resolveTestProcess(`${name}-clock`, undefined), env });
    await workflow.execute("housekeeping", { taskQueue: LAB_256_QUEUE, workflowId: housekeeping, args: [] });
    await workflow.getHandle(finishing).result();
    await setup.lab256.stop();
    await setup.lab256.start();
    return finishing;
  });
  return { housekeeping, finishing };
}
