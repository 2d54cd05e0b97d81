import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { requireValue } from "../../src/client/http/problem.js";
import { waitForCardEnd, waitForCommandEnd } from "../../src/client/waiting.js";
import { LAB_256_QUEUE } from "../../src/domain/act/task-queue.js";
import { ZERO_ID } from "../../src/domain/git/git-id.js";
import { actByPermit, openCard, PATIENCE_MS, permitted, push, registration, state } from "../harness/acting.js";
import { processOf } from "../harness/processes.js";
import type { Death } from "../processes/die-after.js";
import { Clone } from "../repository/real-git.js";
import { type Desk, PULL_TENANT, project, pullingEnvironment, republish, withRunner } from "./desk.js";
import type { Path } from "./path.js";

const DYING_RUNNER = processOf("lab512-dying", undefined);

/** A push to a branch of its own, in a project of its own. */
async function firstPush(desk: Desk, project_id: string, branch = "feature/x") {
  const { clone } = await project(desk, project_id);
  return push(clone, project_id, branch);
}

export const commandPaths: readonly Path[] = [
  {
    name: "command-success",
    status: "success",
    passes: ["acceptCommand", "runCommand", "recordAnswer"],
    async drive(desk) {
      const { command } = await actByPermit(desk.as("admin"), await firstPush(desk, "P.direct"));
      return command.workflow_id;
    },
  },
  {
    name: "command-error",
    status: "error",
    denial: "ref_moved",
    passes: ["acceptCommand", "runCommand", "recordAnswer"],
    async drive(desk) {
      const { clone } = await project(desk, "P.stale");
      const stale = push(clone, "P.stale", "feature/base", ZERO_ID);
      const { command } = await actByPermit(desk.as("admin"), stale);
      return command.workflow_id;
    },
  },
  {
    // The policy was published anew between the permit and its use.
    name: "command-refused-by-the-runner",
    status: "denied",
    denial: "policy_not_current",
    passes: ["acceptCommand", "runCommand", "recordAnswer"],
    async drive(desk) {
      const author = desk.as("admin");
      const envelope = await permitted(author, await firstPush(desk, "P.refused"));
      await republish(desk);
      const { workflow_id } = requireValue(await author.issueCommand(envelope));
      await waitForCommandEnd(author, envelope.jti, PATIENCE_MS);
      return workflow_id;
    },
  },
  {
    // The Runner is killed once the objects are stored; the second attempt ends the act.
    name: "command-retried",
    status: "success",
    passes: ["acceptCommand", "runCommand", "recordAnswer"],
    async drive(desk) {
      const job = await firstPush(desk, "P.retried");
      const author = desk.as("admin");
      const plan = join(desk.data_dir, "retried.json");
      writeFileSync(plan, JSON.stringify({ step: "stored", acts: 1 } satisfies Death));
      return withRunner(desk, { entry: DYING_RUNNER, env: { TEST_DIE_PLAN: plan } }, async () => {
        const envelope = await permitted(author, job);
        const { workflow_id } = requireValue(await author.issueCommand(envelope));
        await desk.lab512.exited;
        await desk.lab512.start();
        await waitForCommandEnd(author, envelope.jti, PATIENCE_MS);
        return workflow_id;
      });
    },
  },
  {
    // Nobody polls LAB_512 until the permit is over.
    name: "command-without-a-runner",
    status: "expired",
    denial: "run_by_passed",
    passes: ["acceptCommand", "runCommand", "endPermit", "closeCommand"],
    async drive(desk) {
      const job = await firstPush(desk, "P.nobody", "review/x");
      await desk.lab512.stop();
      const { command } = await actByPermit(desk.as("admin"), job);
      await desk.lab512.start();
      return command.workflow_id;
    },
  },
  {
    name: "card-pulled-over-http",
    status: "success",
    passes: ["issuePermit", "acceptReceipt", "closeCard"],
    async drive(desk) {
      const author = desk.as("pia", PULL_TENANT);
      return withRunner(desk, { env: await pullingEnvironment(desk) }, async () => {
        const card = await openCard(author, registration("P.pulled"));
        await state(desk, "paul", "approve", card, PULL_TENANT);
        return (await waitForCardEnd(author, card.card_id, PATIENCE_MS)).workflow_id;
      });
    },
  },
  {
    // The policy was published anew between the permit and the pull.
    name: "command-refused-over-http",
    status: "denied",
    denial: "policy_not_current",
    passes: ["acceptCommand", "acceptRefusal"],
    async drive(desk) {
      const author = desk.as("pia", PULL_TENANT);
      return withRunner(desk, { env: await pullingEnvironment(desk) }, async () => {
        const card = await openCard(author, registration("P.pulled-refused"));
        await state(desk, "paul", "approve", card, PULL_TENANT);
        await waitForCardEnd(author, card.card_id, PATIENCE_MS);
        const clone = new Clone();
        clone.commit("base.txt", "refused");
        const envelope = await permitted(author, push(clone, "P.pulled-refused", "feature/x"));
        await republish(desk, PULL_TENANT);
        const { workflow_id } = requireValue(await author.issueCommand(envelope));
        await waitForCommandEnd(author, envelope.jti, PATIENCE_MS);
        return workflow_id;
      });
    },
  },
  {
    // A pulled command that nobody pulls until the permit is over.
    name: "card-never-pulled",
    status: "expired",
    denial: "run_by_passed",
    passes: ["issuePermit", "endPermit", "closeCommand", "closeCard"],
    async drive(desk) {
      const author = desk.as("pia", PULL_TENANT);
      const { clone } = await project(desk, "P.elsewhere");
      // The Runner that plans does not pull.
      const card = await openCard(author, push(clone, "P.pulled", "review/x"));
      await state(desk, "paul", "approve", card, PULL_TENANT);
      return (await waitForCardEnd(author, card.card_id, PATIENCE_MS)).workflow_id;
    },
  },
  {
    name: "housekeeping",
    status: "housekept",
    passes: ["sweepPermits", "headsToAnchor", "anchorHeads", "recordAnchored"],
    async drive(desk) {
      await project(desk, "P.kept");
      const options = { taskQueue: LAB_256_QUEUE, workflowId: "housekeeping-recorded", args: [] };
      await desk.temporal.workflow.execute("housekeeping", options);
      return options.workflowId;
    },
  },
];
